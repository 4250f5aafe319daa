"""Every event has somebody who makes it, and only a service's own code declares what leaves it."""

import ast

import pytest

from ops.services import Service, services
from shared.events.base import Event
from shared.events.catalogue import WRITERS, registered
from tests.architecture.sources import SERVICE_FOLDERS, is_test, python_files, tree

EVENTS = registered()
SERVICES = services()


def _made_in(service: str) -> set[str]:
    """What the service's code calls or takes in with a command, views and tests apart."""
    folder = f"services/{service}-svc/" if service != "ops" else "ops/vetwire/"
    names = [name for name in python_files(folder) if not is_test(name) and "/projections/" not in name]
    nodes = [node for name in names for node in ast.walk(tree(name))]
    called = (node.func for node in nodes if isinstance(node, ast.Call))
    carried = (node.annotation for node in nodes if isinstance(node, ast.AnnAssign))
    return {str(getattr(node, "attr", None) or getattr(node, "id", "")) for node in (*called, *carried)}


def test_every_event_is_made_by_its_service() -> None:
    made = {writer: _made_in(writer) for writer in WRITERS}
    assert [name for name, event in EVENTS.items() if event.__name__ not in made[name.partition(".")[0]]] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_publishes_its_own_events_only(service: Service) -> None:
    assert {event.type_name.partition(".")[0] for event in service.spec.published} == {service.name}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_what_a_worker_keeps_reaches_it(service: Service) -> None:
    """A view of an event that is not published, or of a service that is not followed, would wait for ever."""
    leaving = {event.type_name for other in SERVICES for event in other.spec.published}
    wanted = {event.type_name for event in _handled(service)}
    assert wanted - leaving == set()
    assert {name.partition(".")[0] for name in wanted} <= set(service.spec.follows)


def _handled(service: Service) -> set[type[Event]]:
    projected = {event for projection in service.spec.projections for event in projection.handles}
    return projected | {automation.handles for automation in service.spec.automations}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_lives_in_the_folder_of_its_name(service: Service) -> None:
    assert SERVICE_FOLDERS[f"{service.name}-svc"].name == service.package
    assert {model.module.__name__.partition(".")[0] for model in service.write_models} == {service.package}


def test_categories_are_not_shared_by_two_deciders() -> None:
    categories = [model.decider.category for service in SERVICES for model in service.write_models]
    assert len(categories) == len(set(categories))


def test_an_event_that_says_erased_says_who() -> None:
    subjects = {event.subject_template for event in EVENTS.values()}
    assert [name for name, event in EVENTS.items() if "Erased" in name and event.erases_template not in subjects] == []
    assert {event.erases_template for event in EVENTS.values()} <= subjects
