"""Cluster gossip of a cluster of one, and the list of supported calls."""

import time
from uuid import uuid4

from esdbclient.protos.Grpc import gossip_pb2, shared_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

SERVER_VERSION = "24.10.0"
"""The version whose behaviour this server follows."""

STREAMS_SERVICE = "event_store.client.streams.Streams"
GOSSIP_SERVICE = "event_store.client.gossip.Gossip"
FEATURES_SERVICE = "event_store.client.server_features.ServerFeatures"

SUPPORTED = {
    STREAMS_SERVICE: ("read", "append", "delete", "tombstone", "batchappend"),
    GOSSIP_SERVICE: ("read",),
    FEATURES_SERVICE: ("getsupportedmethods",),
}
FEATURES = {"batchappend": ("deadline_duration",), "read": ("position", "events")}


class Gossip:
    """Serves Gossip.Read: this server is the leader, at the address it listens on."""

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port
        self._instance = str(uuid4())

    async def read(self, _request: shared_pb2.Empty, _context: object) -> bytes:
        member = gossip_pb2.MemberInfo(
            instance_id=shared_pb2.UUID(string=self._instance),
            time_stamp=time.time_ns() // 100,
            state=gossip_pb2.MemberInfo.Leader,
            is_alive=True,
            http_end_point=gossip_pb2.EndPoint(address=self._address, port=self._port),
        )
        return gossip_pb2.ClusterInfo(members=[member]).SerializeToString()


class ServerFeatures:
    """Serves GetSupportedMethods, which other clients ask before they choose their calls."""

    def __init__(self) -> None:
        self._answer = supported_methods().SerializeToString()

    async def get_supported_methods(self, _request: shared_pb2.Empty, _context: object) -> bytes:
        return self._answer


def supported_methods() -> Message:
    method_type, methods_type = _feature_messages()
    methods = [
        method_type(method_name=method, service_name=service.lower(), features=FEATURES.get(method, ()))
        for service, names in SUPPORTED.items()
        for method in names
    ]
    return methods_type(methods=methods, event_store_server_version=SERVER_VERSION)


def _feature_messages() -> tuple[type[Message], type[Message]]:
    """The client library ships no classes for this service, so they are described here."""
    package = "event_store.client.server_features"
    file = descriptor_pb2.FileDescriptorProto(name="server_features.proto", package=package, syntax="proto3")
    text, message = descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
    methods = file.message_type.add(name="SupportedMethods")
    methods.field.add(name="methods", number=1, type=message, label=3, type_name=f".{package}.SupportedMethod")
    methods.field.add(name="event_store_server_version", number=2, type=text, label=1)
    method = file.message_type.add(name="SupportedMethod")
    method.field.add(name="method_name", number=1, type=text, label=1)
    method.field.add(name="service_name", number=2, type=text, label=1)
    method.field.add(name="features", number=3, type=text, label=3)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    classes = [
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in ("SupportedMethod", "SupportedMethods")
    ]
    return classes[0], classes[1]
