"""A person's calls of the recovery service."""

import os

from streak.v1 import recovery_pb2, recovery_pb2_grpc


class Recovering:
    """A person's calls of the recovery service."""

    def __init__(self, person):
        self.person, self.id = person, os.urandom(16)
        self.service = recovery_pb2_grpc.RecoveryServiceStub(person.channel)

    def call(self, name, **fields):
        request = getattr(recovery_pb2, f"{name}Request")(**fields)
        return getattr(self.service, name)(request, metadata=self.person.metadata, timeout=60)

    def points(self):
        return [point.name for point in self.call("ListRecoveryPoints").points]

    def ask(self, point):
        return self.call("RequestRecovery", recovery_id=self.id, point=point).recovery

    def state(self):
        return next(recovery for recovery in self.call("ListRecoveries").recoveries if recovery.recovery_id == self.id)

    def preview(self):
        return self.call("PreviewRecovery", recovery_id=self.id).preview

    def confirm(self, plan_hash):
        return self.call("ConfirmRecovery", recovery_id=self.id, plan_hash=plan_hash)
