"""jobs.py - jobs over many devices with azure-iot-hub, and a server that is killed in the middle of one."""
import os
import time

from azure.iot.device import MethodResponse
from azure.iot.hub import IoTHubJobManager, IoTHubRegistryManager
from azure.iot.hub.models import (CloudToDeviceMethod, ExportImportDevice, JobRequest, QuerySpecification, Twin,
                                  TwinProperties)
from msrest.exceptions import HttpOperationError

from check import check, equal, failure, until
from hub import device_client, env, identity, string_of
from own_server import server_and_service

RUN = f"{os.getpid()}{int(time.time()) % 100000}"
manager = IoTHubJobManager.from_connection_string(env["HUB_SERVICE"])
service = IoTHubRegistryManager.from_connection_string(env["HUB_SERVICE"])


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def ended(job_id, jobs=manager, seconds=60):
    def probe():
        job = jobs.get_scheduled_job(job_id)
        return job if job.status in ("completed", "failed", "cancelled") else None
    return until(f"{job_id} ends", probe, seconds)


def update(job_id, condition, jobs=manager, **desired):
    request = JobRequest(job_id=job_id, type="scheduleUpdateTwin", query_condition=condition, start_time=now(),
                         max_execution_time_in_seconds=600,
                         update_twin=Twin(etag="*", properties=TwinProperties(desired=desired)))
    return jobs.create_scheduled_job(job_id, request)


@check("a job updates twins")
def _():
    ids = [identity(f"py-job-{n}-{RUN}").device_id for n in range(3)]
    job = update(f"py-twin-{RUN}", f"STARTSWITH(deviceId, 'py-job-') AND ENDSWITH(deviceId, '{RUN}')", level=7)
    equal((job.type, job.status), ("scheduleUpdateTwin", "queued"), "the new job")
    job = ended(f"py-twin-{RUN}")
    equal(job.status, "completed", "the job")
    equal((job.device_job_statistics.device_count, job.device_job_statistics.succeeded_count), (3, 3), "counts")
    for device_id in ids:
        equal(service.get_twin(device_id).properties.desired["level"], 7, device_id)


@check("a job calls methods of devices that are there")
def _():
    device = identity(f"py-jobm-{RUN}")
    client = device_client(string_of(device))
    client.connect()

    def on_request(request):
        client.send_method_response(MethodResponse.create_from_method_request(request, 201, {"echo": request.payload}))

    client.on_method_request_received = on_request
    job_id = f"py-method-{RUN}"
    request = JobRequest(job_id=job_id, type="scheduleDeviceMethod", query_condition=f"deviceId = '{device.device_id}'",
                         start_time=now(), max_execution_time_in_seconds=60,
                         cloud_to_device_method=CloudToDeviceMethod(method_name="blink", payload=[1]))
    manager.create_scheduled_job(job_id, request)
    equal(ended(job_id).device_job_statistics.succeeded_count, 1, "succeeded")
    rows = service.query_iot_hub(QuerySpecification(query=f"SELECT * FROM devices.jobs WHERE jobId = '{job_id}'"))
    equal(len(rows.items), 1, "rows")
    client.shutdown()


@check("a job waits and is cancelled once")
def _():
    job_id = f"py-later-{RUN}"
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    request = JobRequest(job_id=job_id, type="scheduleUpdateTwin", query_condition="*", start_time=later,
                         max_execution_time_in_seconds=60, update_twin=Twin(tags={"a": 1}))
    equal(manager.create_scheduled_job(job_id, request).status, "scheduled", "the new job")
    equal(manager.cancel_scheduled_job(job_id).status, "cancelled", "the cancelled job")
    error = failure(manager.cancel_scheduled_job, job_id)
    assert isinstance(error, HttpOperationError)
    equal(error.response.status_code, 405, "the second time")


@check("kill -9 in the middle of a job: every twin is written once, and the job ends")
def _():
    devices = 2000
    with server_and_service("first") as (server, registry):
        for at in range(0, devices, 100):
            registry.bulk_create_or_update_devices([
                ExportImportDevice(id=f"many-{n:05}", import_mode="create", status="enabled")
                for n in range(at, at + 100)])
        jobs = IoTHubJobManager.from_connection_string(server.string("--policy", "iothubowner"))
        update("killed", "STARTSWITH(deviceId, 'many-')", jobs, wave=1)
        until("it is under way",
              lambda: jobs.get_scheduled_job("killed").device_job_statistics.succeeded_count > 0)
        before = jobs.get_scheduled_job("killed")
        server.kill()
        server.start()
        job = ended("killed", jobs)
        equal(job.status, "completed", f"the job (killed at {before.device_job_statistics.succeeded_count})")
        equal(job.device_job_statistics.device_count, devices, "devices")
        equal(job.device_job_statistics.succeeded_count, devices, "succeeded")
        query = "SELECT COUNT() AS n FROM devices WHERE properties.desired.wave = 1 AND properties.desired.$version = 2"
        result = registry.query_iot_hub(QuerySpecification(query=query))
        equal(result.items[0].additional_properties["n"], devices, "twins written once")
