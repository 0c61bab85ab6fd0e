"""registry.py - the identity registry through azure-iot-hub."""
import base64

from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import (
    AuthenticationMechanism, ExportImportDevice, SymmetricKey)
from msrest.exceptions import HttpOperationError

from check import check, equal, failure
from hub import env, identity, registry


def key(fill):
    return base64.b64encode(bytes([fill]) * 32).decode()


def status(error):
    assert isinstance(error, HttpOperationError), repr(error)
    return error.response.status_code


def keys_of(device):
    return device.authentication.symmetric_key


def update(device, etag, state="disabled"):
    keys = keys_of(device)
    return registry.update_device_with_sas(
        device.device_id, etag, keys.primary_key, keys.secondary_key, state)


def bulk_entry(device_id, mode, **more):
    return ExportImportDevice(id=device_id, import_mode=mode, status="enabled", authentication=
        AuthenticationMechanism(type="sas", symmetric_key=SymmetricKey(
            primary_key=key(1), secondary_key=key(2))), **more)


@check("a device is created, read, updated and deleted")
def _():
    created = registry.create_device_with_sas("py-reg-life", key(1), key(2), "enabled")
    equal(keys_of(created).primary_key, key(1), "the primary key")
    read = registry.get_device("py-reg-life")
    equal((read.etag, read.generation_id), (created.etag, created.generation_id), "the identity")
    updated = update(read, read.etag)
    equal(updated.status, "disabled", "the status")
    registry.delete_device("py-reg-life", updated.etag)
    equal(status(failure(registry.get_device, "py-reg-life")), 404, "the answer")


@check("keys are made where none are given")
def _():
    device = identity("py-reg-keys")
    assert keys_of(device).primary_key and keys_of(device).secondary_key


@check("a stale etag is refused on update and delete, and changes nothing")
def _():
    first = identity("py-reg-etag")
    second = update(first, first.etag)
    equal(status(failure(update, first, first.etag, "enabled")), 412, "the answer")
    equal(status(failure(registry.delete_device, "py-reg-etag", first.etag)), 412, "the answer")
    equal(registry.get_device("py-reg-etag").etag, second.etag, "the etag")


@check("a star updates whatever is there")
def _():
    equal(update(identity("py-reg-star"), None).status, "disabled", "the status")


@check("creating twice is 409, an unknown device 404, a bad id 400")
def _():
    identity("py-reg-twice")
    equal(status(failure(identity, "py-reg-twice")), 409, "the answer")
    equal(status(failure(registry.get_device, "py-reg-none")), 404, "the answer")
    equal(status(failure(registry.delete_device, "py-reg-none")), 404, "the answer")
    equal(status(failure(identity, "py reg bad")), 400, "the answer")
    equal(status(failure(identity, "p" * 129)), 400, "the answer")


@check("X.509 identities keep their thumbprints; an authority needs none")
def _():
    sha1, sha256 = "A" * 40, "b" * 64
    device = registry.create_device_with_x509("py-reg-x509", sha1, sha256, "enabled")
    prints = device.authentication.x509_thumbprint
    equal(device.authentication.type, "selfSigned", "the type")
    equal((prints.primary_thumbprint, prints.secondary_thumbprint), (sha1, sha256), "the prints")
    authority = registry.create_device_with_certificate_authority("py-reg-ca", "enabled")
    equal(authority.authentication.type, "certificateAuthority", "the type")
    error = failure(registry.create_device_with_x509, "py-reg-badprint", "zz", "zz", "enabled")
    equal(status(error), 400, "the answer")


@check("the list has what was created, and no more than asked for")
def _():
    names = [f"py-reg-list-{n}" for n in range(3)]
    for name in names:
        identity(name)
    assert set(names) <= {device.device_id for device in registry.get_devices()}
    equal(len(registry.get_devices(max_number_of_devices=2)), 2, "the number of devices")


@check("a hundred devices pass in one call, a hundred and one do not")
def _():
    hundred = [bulk_entry(f"py-bulk-{n}", "create") for n in range(100)]
    assert registry.bulk_create_or_update_devices(hundred).is_successful
    more = [bulk_entry(f"py-bulk-more-{n}", "create") for n in range(101)]
    assert not registry.bulk_create_or_update_devices(more).is_successful
    equal(status(failure(registry.get_device, "py-bulk-more-0")), 404, "the answer")
    gone = [bulk_entry(f"py-bulk-{n}", "delete") for n in range(100)]
    assert registry.bulk_create_or_update_devices(gone).is_successful
    equal(status(failure(registry.get_device, "py-bulk-99")), 404, "the answer")


@check("the modes of a bulk call do what they say")
def _():
    def call(mode, **more):
        result = registry.bulk_create_or_update_devices([bulk_entry("py-bulk-mode", mode, **more)])
        equal(result.is_successful, not result.errors, "success without errors")
        return [error.error_code for error in result.errors]

    equal(call("update"), ["DeviceNotFound"], "an update of nothing")
    equal(call("createOrUpdate"), [], "a creation")
    equal(call("create"), ["DeviceAlreadyExists"], "a second creation")
    etag = registry.get_device("py-bulk-mode").etag
    equal(call("updateIfMatchETag", e_tag=etag), [], "an update with the etag")
    equal(call("updateIfMatchETag", e_tag=etag), ["PreconditionFailed"], "one with a stale etag")
    equal(call("deleteIfMatchETag", e_tag=etag), ["PreconditionFailed"], "a removal with a stale etag")
    equal(call("delete"), [], "a removal")


@check("the statistics count devices")
def _():
    before = registry.get_device_registry_statistics()
    identity("py-reg-counted", "disabled")
    after = registry.get_device_registry_statistics()
    equal(after.total_device_count, before.total_device_count + 1, "the total")
    equal(after.disabled_device_count, before.disabled_device_count + 1, "the disabled ones")
    assert isinstance(registry.get_service_statistics().connected_device_count, int)


@check("a wrong key and a missing right are 401 with the error's name")
def _():
    wrong = IoTHubRegistryManager.from_connection_string(
        env["HUB_OWNER"].split("SharedAccessKey=")[0] + "SharedAccessKey=" + key(9))
    reader = IoTHubRegistryManager.from_connection_string(env["HUB_REGISTRY_READ"])
    for error in (failure(wrong.get_devices), failure(reader.create_device_with_sas,
                                                      "py-reg-no", "", "", "enabled")):
        equal(status(error), 401, "the answer")
        equal(error.response.headers["iothub-errorcode"], "IotHubUnauthorizedAccess", "the code")
    assert isinstance(reader.get_devices(), list)
