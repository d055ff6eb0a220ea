"""An MQTT client that nobody of this project wrote: prints what it hears, publishes what it is told.

    outsider.py PORT FILTER...

prints `up`, then `TOPIC PAYLOAD` for each message (the payload's bytes as text, escaped), and reads lines:

    hex TOPIC HEXBYTES
    pub TOPIC PAYLOAD      flood COUNT TOPIC PAYLOAD-WITH-{n}

The last two are answered with `done` once the broker has taken everything so far.
"""

import sys

import paho.mqtt.client as mqtt


def say(text):
    print(text, flush=True)


def heard(client, data, message):
    say(message.topic + " " + message.payload.decode("utf-8", "backslashreplace").replace("\n", "\\n"))


def main():
    port, filters = int(sys.argv[1]), sys.argv[2:]
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="outsider")
    client.username_pw_set("webos", "webos")
    client.max_queued_messages_set(0)
    client.max_inflight_messages_set(20)
    client.on_message = heard
    client.on_connect = lambda c, *_: c.subscribe([(f, 1) for f in filters])
    client.on_subscribe = lambda *_: say("up")
    client.connect("127.0.0.1", port)
    client.loop_start()
    under_way = []
    for line in sys.stdin:
        what, _, rest = line.rstrip("\n").partition(" ")
        if what == "flood":
            count, topic, payload = rest.split(" ", 2)
            under_way += [client.publish(topic, payload.replace("{n}", str(n)), qos=1) for n in range(int(count))]
        else:
            topic, _, payload = rest.partition(" ")
            under_way.append(client.publish(topic, bytes.fromhex(payload) if what == "hex" else payload, qos=1))
        if what != "hex":
            for message in under_way:
                message.wait_for_publish(60)
            under_way.clear()
            say("done")
    client.disconnect()


main()
