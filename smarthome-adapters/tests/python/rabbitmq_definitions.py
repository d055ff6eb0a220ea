"""Checks the imported definitions as the AMQP devices see them.

Usage: rabbitmq_definitions.py AMQP_PORT USER PASSWORD STEP

STEP `declare`: exchange and queues can be declared, passively and actively, as the devices do, and an
undeclared queue of the same name pattern can be made and bound. STEP `take QUEUE BODY`: within ten seconds
the queue hands out a message with this body.
"""

import sys
import time

import pika

QUEUES = ["webos.android", "webos.car", "webos.camera", "webos.smarthome", "data.error", "data.log"]
GONE = ["webos.server", "data.smarthome"]


def declare(connection):
    channel = connection.channel()
    for passive in (True, False):
        channel.exchange_declare("webos.topic", "topic", durable=True, passive=passive)
        for queue in QUEUES:
            channel.queue_declare(queue, durable=True, passive=passive)
    for queue in GONE:
        try:
            connection.channel().queue_declare(queue, passive=True)
        except pika.exceptions.ChannelClosedByBroker as error:
            assert error.reply_code == 404, error
        else:
            raise AssertionError(f"{queue} is still there")
    own = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(own, "webos.topic", "webos.server.#")
    channel.basic_publish("webos.topic", "webos.server.info", b"to my own queue")
    take(connection, own, "to my own queue")
    channel.confirm_delivery()
    # The default exchange, with which AMQP clients address a queue by its name.
    channel.basic_publish("", "webos.camera", b"direct", mandatory=True)
    take(connection, "webos.camera", "direct")


def take(connection, queue, body):
    channel = connection.channel()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        method, _, got = channel.basic_get(queue, auto_ack=True)
        if method is not None:
            assert got.decode() == body, f"{queue}: {got!r} instead of {body!r}"
            return
        connection.process_data_events(time_limit=0.05)
    raise AssertionError(f"nothing came to {queue}")


def main():
    port, user, password, step, *rest = sys.argv[1:]
    login = pika.PlainCredentials(user, password)
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(port), "/", login))
    {"declare": declare, "take": take}[step](connection, *rest)
    connection.close()


main()
