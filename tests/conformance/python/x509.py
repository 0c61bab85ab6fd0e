"""x509.py - devices that show a certificate, through azure-iot-device."""
import atexit
import hashlib
import json
import pathlib
import shutil
import ssl
import subprocess
import tempfile

from azure.iot.device import X509, IoTHubDeviceClient
from azure.iot.device.exceptions import CredentialError

from check import check, equal, failure
from hub import ca, env, host, registry, round_trip

folder = pathlib.Path(tempfile.mkdtemp(prefix="azimuth-x509-"))
atexit.register(shutil.rmtree, folder)


def issue(*words):
    """Makes a certificate; see ../issue."""
    tool = pathlib.Path(__file__).resolve().parent.parent / "issue"
    subprocess.run([tool, folder, *words], check=True, capture_output=True)


def thumbprint(name, digest):
    der = ssl.PEM_cert_to_DER_cert((folder / f"{name}.pem").read_text())
    return hashlib.new(digest, der).hexdigest().upper()


def register_ca(name, verb="create", *more):
    subprocess.run([env["AZIMUTH"], "hub", "certificate", verb, "-n", name, *more, "--data",
                    env["HUB_DATA"]], check=True, capture_output=True)


def client_with(name, device_id):
    return IoTHubDeviceClient.create_from_x509_certificate(
        X509(str(folder / f"{name}.chain.pem"), str(folder / f"{name}.key")), host, device_id,
        server_verification_cert=ca, connection_retry=False)


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
