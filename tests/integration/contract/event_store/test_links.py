"""Links: events that point at other events (protocol notes 1.7)."""

from esdbclient import NewEvent, StreamState

from tests.integration.contract.event_store.clients import Client, new_event, new_events


def link(stream: str, revision: int) -> NewEvent:
    return new_event("$>", f"{revision}@{stream}".encode(), content_type="application/octet-stream")


def test_a_link_is_an_event_until_it_is_resolved(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(2, "Linked"))
    links = f"{stream}-links"
    position = client.append(links, StreamState.NO_STREAM, [link(stream, 1)])
    assert client.read(links)[0].type == "$>"
    resolved = client.read(links, resolve_links=True)[0]
    assert (resolved.type, resolved.stream_name, resolved.stream_position) == ("Linked", stream, 1)
    assert resolved.link is not None
    assert (resolved.link.stream_name, resolved.link.commit_position) == (links, position)


def test_a_link_to_nothing_is_passed_over(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(1, "Linked"))
    links = f"{stream}-links"
    events = [link(stream, 9), link(f"{stream}-missing", 0), link(stream, 0)]
    client.append(links, StreamState.NO_STREAM, events)
    assert [e.type for e in client.read(links, resolve_links=True)] == ["Linked"]


def test_a_subscription_resolves_links_too(client: Client, stream: str) -> None:
    client.append(stream, StreamState.NO_STREAM, new_events(1, "Linked"))
    with client.subscribe(f"{stream}-links", resolve_links=True) as subscription:
        client.append(f"{stream}-links", StreamState.NO_STREAM, [link(stream, 0)])
        assert next(subscription).type == "Linked"
