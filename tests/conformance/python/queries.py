"""queries.py - the query language through azure-iot-hub: query_iot_hub."""
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import QuerySpecification, Twin
from msrest.exceptions import HttpOperationError

from check import check, equal, failure
from hub import env, identity

service = IoTHubRegistryManager.from_connection_string(env["HUB_SERVICE"])


def pages(text, size):
    """Lists of rows."""
    found, token = [], None
    while True:
        page = service.query_iot_hub(QuerySpecification(query=text), token, size)
        found.append(page.items)
        token = page.continuation_token
        if not token:
            return found


@check("a query gives pages of twins")
def _():
    for n in range(5):
        identity(f"py-query-{n}")
        service.update_twin(f"py-query-{n}", Twin(tags={"py": {"n": n, "even": n % 2 == 0}}), "*")
    found = pages("SELECT * FROM devices WHERE IS_DEFINED(tags.py) AND STARTSWITH(deviceId, 'py-query-')", 2)
    equal([len(page) for page in found], [2, 2, 1], "the pages")
    twins = [twin for page in found for twin in page]
    equal([twin.device_id for twin in twins], [f"py-query-{n}" for n in range(5)], "the devices")
    equal(twins[3].tags, {"py": {"n": 3, "even": False}}, "tags")
    equal(twins[3].properties.desired["$version"], 1, "$version")
    even = pages("SELECT * FROM devices WHERE tags.py.even = true", 100)
    equal([twin.device_id for twin in even[0]], ["py-query-0", "py-query-2", "py-query-4"], "the even ones")


@check("projections and aggregates are raw rows")
def _():
    page = service.query_iot_hub(QuerySpecification(
        query="SELECT COUNT() AS n, MAX(tags.py.n) AS top FROM devices WHERE tags.py.n >= 1"))
    equal([row.additional_properties for row in page.items], [{"n": 4, "top": 4}], "the row")


@check("what is no query is an error")
def _():
    error = failure(service.query_iot_hub, QuerySpecification(query="SELECT * FROM nothing"))
    assert isinstance(error, HttpOperationError), error
    equal(error.response.status_code, 400, "the status")
    assert "line 1, column 15" in error.response.text, error.response.text
