#!/usr/bin/env python3
"""A small broker on qpid-proton's reactor: `proton_broker.py PORT`; prints "listening" once it does.

Every address is a queue, but
    missing    links to it are refused with amqp:not-found
    picky      messages to it are rejected with amqp:precondition-failed
    bye        a link to it ends the connection with amqp:connection:forced
Frames have 1024 bytes at most and a silent peer is cut after two seconds."""
import collections
import sys

from proton import Condition, Delivery, Endpoint
from proton.handlers import MessagingHandler
from proton.reactor import Container


class Broker(MessagingHandler):
    def __init__(self, port):
        super().__init__(auto_accept=False, auto_settle=True, prefetch=100)
        self.port = port
        self.queues = collections.defaultdict(collections.deque)
        self.consumers = collections.defaultdict(list)

    def on_start(self, event):
        event.container.listen(f"127.0.0.1:{self.port}")
        print("listening", flush=True)

    def on_connection_bound(self, event):
        event.transport.max_frame_size = 1024
        event.transport.idle_timeout = 8.0  # less would cut who is late on a busy machine

    def on_link_opening(self, event):
        link = event.link
        terminus = link.remote_source if link.is_sender else link.remote_target
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        if terminus.address == "bye":
            event.connection.condition = Condition("amqp:connection:forced", "good bye")
            event.connection.close()
        elif link.is_sender:
            self.consumers[terminus.address].append(link)

    def on_link_local_open(self, event):
        if "missing" in (event.link.source.address, event.link.target.address):
            event.link.condition = Condition("amqp:not-found", "no such queue")
            event.link.close()

    def on_message(self, event):
        address = event.link.target.address
        if address == "picky":
            event.delivery.local.condition = Condition("amqp:precondition-failed", "not this one")
            self.settle(event.delivery, Delivery.REJECTED)
            return
        self.queues[address].append(event.message)
        self.settle(event.delivery, Delivery.ACCEPTED)
        for link in self.consumers[address]:
            self.hand_out(link)

    def on_sendable(self, event):
        self.hand_out(event.link)

    def hand_out(self, link):
        queue = self.queues[link.source.address]
        while queue and link.credit and link.state & Endpoint.LOCAL_ACTIVE:
            link.send(queue.popleft())
        if link.drain_mode and not queue:
            link.drained()

    def on_link_closed(self, event):
        for links in self.consumers.values():
            if event.link in links:
                links.remove(event.link)


Container(Broker(int(sys.argv[1]))).run()
