"""upload.py - files that devices upload: azure-iot-device asks, azure-storage-blob uploads."""
import os
import pathlib
import tempfile

from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobBlock, BlobClient

from check import check, equal, failure
from hub import ca, env, identity, string_of
from azure.iot.device import IoTHubDeviceClient

MIB = 1 << 20


def begin(device, name):
    client = IoTHubDeviceClient.create_from_connection_string(string_of(device), server_verification_cert=ca)
    return client, client.get_storage_info_for_blob(name)


def blob_of(info, **options):
    url = f"https://{info['hostName']}/{info['containerName']}/{info['blobName']}{info['sasToken']}"
    return BlobClient.from_blob_url(url, connection_verify=env["HUB_CA"], **options)


def end(client, info, well=True):
    client.notify_blob_upload_status(info["correlationId"], well, 200 if well else 500, "said the device")


@check("a file is uploaded in one piece, and may be overwritten only on demand")
def _():
    client, info = begin(identity("py-up-single"), "one.bin")
    equal(info["blobName"], "py-up-single/one.bin", "the blob's name")
    blob, data = blob_of(info), os.urandom(MIB + 3)
    blob.upload_blob(data)
    refused = failure(blob.upload_blob, b"other")
    assert isinstance(refused, ResourceExistsError), refused
    equal(blob.download_blob().readall(), data, "what came back")
    blob.upload_blob(b"newer", overwrite=True)
    equal(blob.download_blob().readall(), b"newer", "what came back")
    end(client, info)


@check("a file is uploaded from the disk in blocks, several at a time, and read in ranges")
def _():
    client, info = begin(identity("py-up-blocks"), "dir/big.bin")
    blob = blob_of(info, max_single_put_size=MIB, max_block_size=MIB, max_single_get_size=MIB,
                   max_chunk_get_size=MIB)
    data = os.urandom(7 * MIB + 11)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "big.bin"
        path.write_bytes(data)
        with path.open("rb") as file:
            blob.upload_blob(file, max_concurrency=4, overwrite=True, metadata={"from": "disk"})
    equal(blob.download_blob(max_concurrency=2).readall(), data, "what came back")
    props = blob.get_blob_properties()
    equal(props.size, len(data), "the size")
    equal(props.metadata, {"from": "disk"}, "the metadata")
    end(client, info)


@check("a list with a block that is not there is refused")
def _():
    client, info = begin(identity("py-up-missing"), "x")
    blob = blob_of(info)
    blob.stage_block("a", b"first")
    refused = failure(blob.commit_block_list, [BlobBlock("a"), BlobBlock("b")])
    assert isinstance(refused, HttpResponseError), refused
    equal(refused.error_code, "InvalidBlockList", "the code")
    blob.commit_block_list([BlobBlock("a")])
    equal(blob.download_blob().readall(), b"first", "what came back")
    end(client, info)


@check("what was not uploaded cannot be reported as a success, but as a failure")
def _():
    client, info = begin(identity("py-up-failed"), "x")
    failure(end, client, info)
    end(client, info, well=False)
    failure(end, client, info, well=False)
