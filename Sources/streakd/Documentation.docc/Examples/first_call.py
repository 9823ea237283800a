"""Creates an account and a habit, records today, and prints the streak."""

import os
import sys
import time

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from streak.v1 import account_pb2, account_pb2_grpc, common_pb2, streak_pb2, streak_pb2_grpc

address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
channel = grpc.insecure_channel(address)

# A new account. Ids and idempotency keys are random bytes that the client makes.
account = account_pb2_grpc.AccountServiceStub(channel).SignUp(account_pb2.SignUpRequest(
    idempotency_key=os.urandom(16), email=f"{os.urandom(4).hex()}@example.com", password="correct horse battery",
    device=common_pb2.Device(device_id=os.urandom(16))))
token = [("authorization", f"Bearer {account.tokens.access_token}")]

# A habit, and today's completion. A day is the number of days since 1970-01-01.
streaks = streak_pb2_grpc.StreakServiceStub(channel)
habit = os.urandom(16)
streaks.PutHabit(streak_pb2.PutHabitRequest(habit=common_pb2.Habit(id=habit, name="Read")), metadata=token)
now = int(time.time())
made = common_pb2.LocalTime(occurred_at=Timestamp(seconds=now), zone="UTC")
reply = streaks.RecordCompletion(
    streak_pb2.RecordCompletionRequest(habit_id=habit, day=now // 86400, client_time=made), metadata=token)
print(f"streak: {reply.streak.current} day")
