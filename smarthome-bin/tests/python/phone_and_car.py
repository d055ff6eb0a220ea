"""The phone and the car as they are: AMQP clients that declare what they declare and look into their queues.

    phone_and_car.py AMQP-PORT

prints one line for each thing that was seen, and fails when something is not as they need it.
"""

import json
import sys
import time

import pika

CREDENTIALS = pika.PlainCredentials("webos", "webos")


def connect():
    parameters = pika.ConnectionParameters("127.0.0.1", int(sys.argv[1]), credentials=CREDENTIALS)
    return pika.BlockingConnection(parameters).channel()


def ask(channel, key, message):
    channel.basic_publish("webos.topic", key, json.dumps(message, ensure_ascii=False).encode())


def first(channel, queue, within):
    """The first message in the queue, looked for until `within` seconds have passed."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if method:
            return method.routing_key, body
        time.sleep(0.005)
    raise SystemExit(f"nothing came into {queue} within {within} s")


channel = connect()

# The phone consumes its queue without declaring it, and takes the first message as its answer.
ask(channel, "webos.server.info", {"Producer": "android", "command": "signup", "UID": "u-1", "name": "홍길동"})
ask(channel, "webos.server.info", {"Producer": "android", "command": "signin", "UID": "u-1"})
key, body = first(channel, "webos.android", 0.7)
answer = json.loads(body)
assert key == "webos.android.info" and answer["name"] == "홍길동" and answer["command"] == "return_name", body
print("phone signed in", flush=True)

# The car asserts exchange and queue before it publishes, looks after 300 ms, and 400 ms later once more.
channel.exchange_declare("webos.topic", "topic", durable=True)
channel.queue_declare("webos.car", durable=True)
ask(channel, "webos.server.info", {"Producer": "car", "command": "signin", "UID": "u-1"})
time.sleep(0.3)
method, _, body = channel.basic_get("webos.car", auto_ack=True)
assert method and json.loads(body)["name"] == "홍길동", body
print("car signed in", flush=True)

# A user that is not there: a line for the device, and nothing else in its queue.
ask(channel, "webos.server.info", {"Producer": "car", "command": "signin", "UID": "nobody"})
key, body = first(channel, "webos.car", 5)
assert key == "webos.car.error" and b"nobody" in body, (key, body)
print("car told", flush=True)

# A command from the phone, as its key has no type; the home's report is seen by the test.
channel.basic_publish("webos.topic", "webos.smarthome", b"022152022")
print("phone commanded", flush=True)
