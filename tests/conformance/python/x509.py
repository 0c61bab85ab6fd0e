"""x509.py - devices that show a certificate, through azure-iot-device."""
import json

from azure.iot.device.exceptions import CredentialError

from check import check, equal, failure
from hub import registry, round_trip
from x509_kit import client_with, folder, issue, register_ca, thumbprint


def send_with(name, device_id):
    client = client_with(name, device_id)
    client.connect()
    client.send_message("{}")
    client.shutdown()


def assert_refused(name, device_id):
    client = client_with(name, device_id)
    error = failure(client.connect)
    assert isinstance(error, CredentialError), repr(error)
    client.shutdown()


def assert_stamped(event):
    method = json.loads(event.system_properties[b"iothub-connection-auth-method"])
    equal((method["scope"], method["type"]), ("device", "x509"), "the method")


issue("first", "any name")
issue("second", "another name")
issue("root", "Python Root", "self", "ca")
issue("line", "Python Line", "root", "ca")
issue("device", "py-x509-ca", "line")
issue("expired", "py-x509-ca", "line", "leaf", "-1")


@check("a certificate with the primary or the secondary thumbprint opens the door")
def _():
    registry.create_device_with_x509("py-x509-self", thumbprint("first", "sha1"),
                                     thumbprint("second", "sha1"), "enabled")
    for name in ("first", "second"):
        [event] = round_trip("py-x509-self", lambda name=name: send_with(name, "py-x509-self"))
        assert_stamped(event)
    assert_refused("device", "py-x509-self")


@check("a chain with an intermediate leads to a registered CA")
def _():
    registry.create_device_with_certificate_authority("py-x509-ca", "enabled")
    assert_refused("device", "py-x509-ca")
    register_ca("python", "create", "-p", str(folder / "root.pem"), "--verified")
    [event] = round_trip("py-x509-ca", lambda: send_with("device", "py-x509-ca"))
    assert_stamped(event)
    assert_refused("expired", "py-x509-ca")
    registry.create_device_with_certificate_authority("py-x509-other", "enabled")
    assert_refused("device", "py-x509-other")
    register_ca("python", "delete")
    assert_refused("device", "py-x509-ca")
