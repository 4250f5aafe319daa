"""Requests that are no requests: an error for their sender, service for the others."""

import random
import socket
import struct
from typing import Any

import grpc
import pytest
from esdbclient.protos.Grpc import shared_pb2, streams_pb2
from google.protobuf.message import Message

from deploy.embedded.eventstore.tests.hostile import (
    CALLS,
    MIB,
    REFUSED,
    STREAMS,
    Read,
    batch,
    delete,
    identifier,
    opened,
    read,
    send,
    valid,
)
from deploy.embedded.eventstore.tests.running import RunningServer

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("serves_on")]

ROUNDS = 120


def garbled(raw: bytes, chance: random.Random) -> bytes:
    """Cut, flipped, doubled, or nothing but noise."""
    match chance.randrange(4):
        case 0:
            return raw[: chance.randrange(len(raw) + 1)]
        case 1:
            content = bytearray(raw)
            for _ in range(chance.randint(1, 4)):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            return bytes(content)
        case 2:
            return raw + raw[chance.randrange(len(raw)) :]
        case _:
            return chance.randbytes(chance.randrange(200))


@pytest.mark.parametrize("name", CALLS)
def test_garbled_messages_are_refused_or_understood(attacked: RunningServer, name: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    messages = [message.SerializeToString() for message in valid(name)]
    answers = set()
    with opened(attacked) as channel:
        assert send(channel, name, messages) is None
        for _ in range(ROUNDS):
            some = [garbled(raw, chance) if chance.random() < 0.7 else raw for raw in messages]
            answers.add(send(channel, name, some, timeout=0.5 if name == "Read" else 10))
    # A read may have become a subscription, which never ends.
    assert answers <= {None, *REFUSED, *([grpc.StatusCode.DEADLINE_EXCEEDED] if name == "Read" else [])}
    assert grpc.StatusCode.INVALID_ARGUMENT in answers


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("size", [2 * MIB, 16 * MIB, 18 * MIB])
def test_a_huge_message_is_refused(channel: Any, name: str, size: int) -> None:
    assert send(channel, name, [b"\xff" * size], timeout=10) in REFUSED


def test_a_bad_message_after_an_answered_one_ends_the_call_at_once(channel: Any) -> None:
    unanswerable = [b"", b"\xff"]
    assert {send(channel, "BatchAppend", unanswerable, 5) for _ in range(100)} == {grpc.StatusCode.INVALID_ARGUMENT}


def test_a_message_cut_off_in_its_frame_ends_its_connection_only(attacked: RunningServer) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    path = f"{STREAMS}/Read".encode()
    fields = {b":method": b"POST", b":scheme": b"http", b":path": path, b"te": b"trailers"}
    fields[b"content-type"] = b"application/grpc"
    headers = b"".join(b"\0" + bytes([len(key)]) + key + bytes([len(word)]) + word for key, word in fields.items())
    cut_message = frame(0, 1, 1, b"\0" + struct.pack(">I", 1000) + b"abc")
    whole = preface + frame(1, 4, 1, headers) + cut_message
    for content in (whole, whole[:-3], whole[: len(preface) + 5], preface[:10], random.Random(1).randbytes(5000)):
        host, port = attacked.address.split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(5)
            while connection.recv(65536):
                continue


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


@pytest.mark.parametrize("name", [b"\xff\xfe", b"", b"$all", b"\xed\xa0\x80", b"x" * 513, b"x" * 65_536])
def test_a_bad_stream_name_is_refused_everywhere(attacked: RunningServer, name: bytes) -> None:
    stream, nothing = identifier(name), shared_pb2.Empty()
    bounded = Read(
        stream=Read.StreamOptions(stream_identifier=stream, start=nothing),
        count=1,
        no_filter=nothing,
        uuid_option=Read.UUIDOption(string=nothing),
    )
    appending = streams_pb2.AppendReq.Options(stream_identifier=stream, any=nothing)
    requests: dict[str, Message] = {
        "Read": streams_pb2.ReadReq(options=bounded),
        "Append": streams_pb2.AppendReq(options=appending),
        "Delete": delete(stream, any=nothing),
        "Tombstone": delete(stream, any=nothing),
    }
    with opened(attacked) as channel:
        answers = {call: send(channel, call, [request.SerializeToString()]) for call, request in requests.items()}
        call = channel.stream_stream(f"{STREAMS}/BatchAppend")
        reply = streams_pb2.BatchAppendResp.FromString(
            next(call(iter([batch(name=name).SerializeToString()]), timeout=5))
        )
    assert set(answers.values()) == {grpc.StatusCode.INVALID_ARGUMENT}
    assert reply.error.code == 3


def test_the_largest_numbers_are_taken_as_they_are(attacked: RunningServer) -> None:
    most = 2**64 - 1
    with opened(attacked) as channel:
        assert send(channel, "Read", [read(count=most).SerializeToString()], timeout=5) is None
        everything = read(count=most)
        everything.options.all.position.commit_position = most
        assert send(channel, "Read", [everything.SerializeToString()], timeout=5) is None
        wrong = delete(identifier(b"others"), revision=most)
        assert send(channel, "Delete", [wrong.SerializeToString()]) is grpc.StatusCode.FAILED_PRECONDITION
