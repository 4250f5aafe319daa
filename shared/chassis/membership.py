"""A worker that starts again takes the place of the one that died at its address (ADR 14)."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.group import LeaveGroupRequest

from shared.chassis.kafka import INFRASTRUCTURE_ERRORS, connection
from shared.chassis.logs import told

_PATIENCE = 10.0
_PAUSE = 1.0
_UNKNOWN_MEMBER = 25
log = structlog.get_logger(__name__)


def member_name(service: str, port: int) -> str:
    """The client id of the worker at this host and port: one process at a time can have it.

    Without a fixed port (0) nobody can be taken for a predecessor.
    """
    return f"{service}-worker.{socket.gethostname()}.{port or f'p{os.getpid()}'}"


async def take_over(bootstrap: str, group: str, name: str) -> int:
    """Remove the dead members of `group` that were called `name`, waiting for the broker if need be; how many.

    Kafka would miss them after their session timeout; noida-db never does, and waits for them for ever.
    """
    while True:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await _dismiss(bootstrap, group, name)
        except INFRASTRUCTURE_ERRORS as error:
            log.warning("waiting for the group's coordinator", group=group, error=told(error))
            await asyncio.sleep(_PAUSE)


async def _dismiss(bootstrap: str, group: str, name: str) -> int:
    async with _admin(bootstrap) as admin:
        coordinator = await admin.find_coordinator(group)
        [answer] = await admin.describe_consumer_groups([group], coordinator)
        dead = [member_id for member_id, client_id in _members(answer.to_object()) if client_id == name]
        for member_id in dead:
            reply = await admin._send_request(LeaveGroupRequest(group, member_id), coordinator)
            if reply.error_code not in (0, _UNKNOWN_MEMBER):
                raise for_code(reply.error_code)(member_id)
        if dead:
            log.info("took over", group=group, name=name, members=len(dead))
        return len(dead)


def _members(answer: dict[str, list[dict[str, list[dict[str, str]]]]]) -> list[tuple[str, str]]:
    """Member id and client id of everyone in a DescribeGroups answer; a group nobody has joined has none."""
    return [(m["member_id"], m["client_id"]) for group in answer["groups"] for m in group["members"]]


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection(bootstrap))
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
