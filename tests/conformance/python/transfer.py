"""transfer.py - fleets in and out with azure-iot-hub: import and export jobs with the hub's own container
and with one in Azurite."""
import contextlib
import datetime
import json
import os
import pathlib
import re
import subprocess
import time

from azure.iot.hub import IoTHubJobManager, IoTHubRegistryManager
from azure.iot.hub.models import ExportImportDevice, JobProperties, Twin, TwinProperties
from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas
from msrest.exceptions import HttpOperationError

from check import check, equal, failure, until
from hub import env

RUN = f"{os.getpid()}{int(time.time()) % 100000}"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
jobs = IoTHubJobManager.from_connection_string(env["HUB_REGISTRY_READ_WRITE"])
service = IoTHubRegistryManager.from_connection_string(env["HUB_OWNER"])


def container(account, key, url, name):
    """The URI that opens a container, and what opens it."""
    sas = generate_container_sas(account, name, account_key=key, permission=ContainerSasPermissions.from_string("racwd"),
                                 expiry=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=10))
    uri = f"{url}/{name}?{sas}"
    return uri, ContainerClient.from_container_url(uri, connection_verify=env["HUB_CA"])


def own():
    key = (pathlib.Path(env["HUB_DATA"]) / "upload.key").read_text().strip()
    return container("azimuth", key, f"https://{env['HUB_HOST']}", "azimuth-uploads")


@contextlib.contextmanager
def azurite():
    modules = pathlib.Path(env["NODE_PATH"])
    node = next(modules.glob("node-linux-*/bin/node"))
    program = subprocess.Popen([node, modules / "azurite/dist/src/blob/main.js", "--blobPort", "0", "--inMemoryPersistence",
                                "--skipApiVersionCheck", "--disableTelemetry", "--silent"], stdout=subprocess.PIPE, text=True)
    try:
        port = next(found[1] for line in program.stdout if (found := re.search(r"http://[^:\s]+:([1-9]\d*)", line)))
        url = f"http://127.0.0.1:{port}/{ACCOUNT}"
        ContainerClient(url, "fleet", credential={"account_name": ACCOUNT, "account_key": KEY}).create_container()
        yield container(ACCOUNT, KEY, url, "fleet")
    finally:
        program.terminate()
        program.wait()
        program.stdout.close()


def begin(properties):
    """One at a time, and another group's may be under way."""
    def probe():
        try:
            return jobs.create_import_export_job(properties)
        except HttpOperationError as error:
            if "JobQuotaExceeded" not in error.response.text:
                raise
            return None
    return until("a job can begin", probe, 60)


def done(properties):
    job_id = begin(properties).job_id

    def probe():
        job = jobs.get_import_export_job(job_id)
        return job if job.status in ("completed", "failed", "cancelled") else None
    job = until(f"{job_id} ends", probe, 60)
    equal((job.status, job.progress, job.failure_reason), ("completed", 100, None), "the job")
    return job


def lines(blobs, name):
    text = blobs.get_blob_client(name).download_blob().readall().decode()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def plain(line):
    rest = {key: value for key, value in line.items() if key not in ("eTag", "twinETag")}
    for section in rest.get("properties", {}).values():
        section.pop("$metadata", None)
        section.pop("$version", None)
    return rest


def round_trip(place, prefix):
    uri, blobs = place
    ids = [f"{prefix}-{RUN}-{n:02}" for n in range(40)]
    result = service.bulk_create_or_update_devices([ExportImportDevice(id=one, status="enabled") for one in ids])
    equal(result.is_successful, True, "the bulk")
    service.update_twin(ids[3], Twin(tags={"site": "Łódź"}, properties=TwinProperties(desired={"rate": 5})), "*")
    done(JobProperties(type="export", output_blob_container_uri=uri, output_blob_name="out/fleet.txt"))
    before = [line for line in lines(blobs, "out/fleet.txt") if line["id"] in ids]
    equal([line["id"] for line in before], ids, "the ids")
    service.bulk_create_or_update_devices([ExportImportDevice(id=one, status="enabled", import_mode="delete") for one in ids])
    blobs.upload_blob("in.txt", "\n".join(json.dumps(line) for line in [*before, {"id": ids[0], "importMode": "create"}]),
                      overwrite=True)
    done(JobProperties(type="import", input_blob_container_uri=uri, input_blob_name="in.txt", output_blob_container_uri=uri))
    errors = lines(blobs, "importErrors.log")
    equal([(one["deviceId"], one["errorCode"], one["line"]) for one in errors], [(ids[0], 409001, 41)], "the errors")
    done(JobProperties(type="export", output_blob_container_uri=uri))
    after = [line for line in lines(blobs, "devices.txt") if line["id"] in ids]
    equal([plain(line) for line in after], [plain(line) for line in before], "what came back")


@check("a fleet goes out to the hub's own container and comes back the same")
def _():
    round_trip(own(), "py-own")


@check("a fleet goes out to a container of another account and comes back the same")
def _():
    with azurite() as place:
        round_trip(place, "py-azurite")


@check("jobs are listed; what is wrong is said")
def _():
    uri, _ = own()
    job = done(JobProperties(type="export", output_blob_container_uri=uri, exclude_keys_in_export=True))
    equal(jobs.get_import_export_jobs()[0].job_id, job.job_id, "the newest job")
    for call, code in ((lambda: jobs.get_import_export_job("none"), 404), (lambda: jobs.cancel_import_export_job(job.job_id), 404),
                       (lambda: jobs.create_import_export_job(JobProperties(type="export")), 400),
                       (lambda: jobs.create_import_export_job(
                           JobProperties(type="export", output_blob_container_uri=uri.split("?", maxsplit=1)[0])), 400)):
        equal(failure(call).response.status_code, code, "the status")
