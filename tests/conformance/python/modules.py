"""modules.py - module identities through azure-iot-hub, modules through azure-iot-device."""
import base64
import json

from azure.iot.device import Message
from azure.iot.device.exceptions import CredentialError
from msrest.exceptions import HttpOperationError

from check import check, equal, failure, until
from hub import body, identity, registry, round_trip
from modules_kit import module_client, module_identity, module_string


def key(fill):
    return base64.b64encode(bytes([fill]) * 32).decode()


def status(error):
    assert isinstance(error, HttpOperationError), repr(error)
    return error.response.status_code


@check("a module is created, read, listed, updated and deleted")
def _():
    identity("py-mod-life")
    created = registry.create_module_with_sas("py-mod-life", "m1", "somebody", key(1), key(2))
    equal(created.authentication.symmetric_key.primary_key, key(1), "the primary key")
    equal(created.managed_by, "somebody", "who manages it")
    read = registry.get_module("py-mod-life", "m1")
    equal((read.etag, read.generation_id), (created.etag, created.generation_id), "the identity")
    equal([module.module_id for module in registry.get_modules("py-mod-life")], ["m1"], "the list")
    updated = registry.update_module_with_sas("py-mod-life", "m1", "another", read.etag, key(3), key(4))
    equal((updated.managed_by, updated.authentication.symmetric_key.primary_key), ("another", key(3)), "the update")
    equal(status(failure(registry.delete_module, "py-mod-life", "m1", read.etag)), 412, "a stale etag")
    registry.delete_module("py-mod-life", "m1")
    equal(status(failure(registry.get_module, "py-mod-life", "m1")), 404, "the answer")


@check("X.509 modules keep their thumbprints")
def _():
    identity("py-mod-x509")
    module = registry.create_module_with_x509("py-mod-x509", "m1", "", "A" * 40, "b" * 40)
    equal(module.authentication.type, "selfSigned", "the type")
    equal(module.authentication.x509_thumbprint.primary_thumbprint, "A" * 40, "the thumbprint")
    module = registry.create_module_with_certificate_authority("py-mod-x509", "m2", "")
    equal(module.authentication.type, "certificateAuthority", "the type")


@check("a module needs its device, and another name than those there")
def _():
    equal(status(failure(module_identity, "py-mod-nobody", "m1")), 404, "without a device")
    identity("py-mod-twice")
    module_identity("py-mod-twice", "m1")
    error = failure(module_identity, "py-mod-twice", "m1")
    equal((status(error), error.response.headers["iothub-errorcode"]), (409, "ModuleAlreadyExistsOnDevice"), "again")


@check("a module sends telemetry, also to an output, stamped with both ids")
def _():
    identity("py-mod-sends")
    module = module_identity("py-mod-sends", "m1")

    def send():
        client = module_client(module)
        client.connect()
        client.send_message(Message("plain"))
        client.send_message_to_output(Message("to an output"), "temperature")
        client.shutdown()

    plain, output = round_trip("py-mod-sends", send)
    for event in (plain, output):
        stamps = event.system_properties
        equal(stamps[b"iothub-connection-module-id"], b"m1", "the module")
        equal(json.loads(stamps[b"iothub-connection-auth-method"])["scope"], "module", "the scope")
    equal((body(plain), body(output)), (b"plain", b"to an output"), "the bodies")
    equal(output.properties[b"iothub-outputname"], b"temperature", "the output")


@check("a wrong key does not sign a module in; deleting it ends its connection")
def _():
    identity("py-mod-ends")
    module = module_identity("py-mod-ends", "m1")
    stranger = module_client(module_string(module, key(9)))
    assert isinstance(failure(stranger.connect), CredentialError)
    stranger.shutdown()
    client = module_client(module)
    client.connect()
    registry.delete_module("py-mod-ends", "m1")
    until("the connection is closed", lambda: not client.connected)
    client.shutdown()
