"""c2d_kit.py - messages to devices as the cases see them: who sends and who gets."""
import certifi
from azure.iot.hub import IoTHubRegistryManager

from hub import device_client, env, string_of

certifi.where = lambda: env["HUB_CA"]  # azure-iot-hub cannot be told a CA; its AMQP stack asks here


def receiver(device, **options):
    """A connected device and the messages that it gets."""
    client, got = device_client(string_of(device), **options), []
    client.on_message_received = got.append
    client.connect()
    return client, got


def send(device_id, text, properties=None):
    # A manager keeps its link after the first message; this one is for one message alone.
    manager = IoTHubRegistryManager.from_connection_string(env["HUB_SERVICE"])
    manager.send_c2d_message(device_id, text, properties or {})
