"""limits.py - a server with low rates: what services and devices are told when they ask too often."""
from azure.iot.device import IoTHubDeviceClient
from azure.iot.device.exceptions import ClientError
from azure.iot.hub.models import QuerySpecification

from check import check, equal, failure, same_day
from own_server import server_and_service

RATES = ("registry=3/d", "queries=1/d", "twin-reads=2/d")  # a slow machine gets no more either


def refused(call, operation):
    error = failure(call)
    equal(error.response.status_code, 429, "the status")
    equal(error.response.headers["iothub-errorcode"], "ThrottlingBacklogTimeout", "the header")
    equal(error.response.headers["retry-after"], "10", "the header that says when")
    equal(error.response.json()["Message"].rpartition(" ")[2], operation, "what it is about")


def device_refused(client, status):
    error = failure(client.get_twin)
    equal(type(error), ClientError, "what the device gets")
    equal(str(status) in str(error.__cause__), True, "the status in its cause")


@check("calls over a rate are refused with 429, and those of another class are not")
def _():
    options = [word for rate in RATES for word in ("--throttle", rate)]
    with server_and_service("limited", *options) as (server, service):
        service.get_device("limited")
        service.get_device("limited")  # the third: its creation was the first
        refused(lambda: service.get_device("limited"), "RegistryRead")
        query = QuerySpecification(query="SELECT * FROM devices")
        equal(len(service.query_iot_hub(query).items), 1, "the devices")
        refused(lambda: service.query_iot_hub(query), "DeviceQuery")
        service.get_twin("limited")
        client = IoTHubDeviceClient.create_from_connection_string(
            server.string("-d", "limited"), server_verification_cert=server.ca)
        client.connect()
        client.get_twin()
        device_refused(client, 429)
        refused(lambda: service.get_twin("limited"), "TwinRead")
        client.shutdown()


@check("when the messages of the day are used up, services and devices are told 403 IotHubQuotaExceeded")
def _():
    same_day()
    with server_and_service("spent", "--throttle", "quota=2/d") as (server, service):
        client = IoTHubDeviceClient.create_from_connection_string(
            server.string("-d", "spent"), server_verification_cert=server.ca)
        client.connect()
        service.get_twin("spent")
        client.get_twin()
        device_refused(client, 403)
        for call in (service.get_twin, service.get_device):  # what is not counted is refused, too
            error = failure(lambda: call("spent"))
            equal(error.response.status_code, 403, "the status")
            equal(error.response.headers["iothub-errorcode"], "IotHubQuotaExceeded", "the header")
        client.shutdown()
