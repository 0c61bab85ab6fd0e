"""x509_kit.py - certificates as the cases see them: made by ../issue, registered through
`azimuth hub certificate`, shown by devices."""
import atexit
import contextlib
import hashlib
import pathlib
import shutil
import ssl
import subprocess
import tempfile

from azure.iot.device import X509, IoTHubDeviceClient

from hub import ca, env, host

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


def client_with(name, device_id, **options):
    return IoTHubDeviceClient.create_from_x509_certificate(
        X509(str(folder / f"{name}.chain.pem"), str(folder / f"{name}.key")), host, device_id,
        server_verification_cert=ca, connection_retry=False, **options)


@contextlib.contextmanager
def authority(device_id):
    """A root that the hub knows while this lasts; a line below it has issued the device's certificate."""
    root, line = f"{device_id}-root", f"{device_id}-line"
    issue(root, "Matrix Root", "self", "ca")
    issue(line, "Matrix Line", root, "ca")
    issue(device_id, device_id, line)
    register_ca(root, "create", "-p", str(folder / f"{root}.pem"), "--verified")
    try:
        yield
    finally:
        register_ca(root, "delete")
