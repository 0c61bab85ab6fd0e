"""modules_kit.py - modules as the cases see them: identities and clients."""
from azure.iot.device import IoTHubModuleClient

from hub import ca, host, registry


def module_identity(device_id, module_id, managed_by=""):
    return registry.create_module_with_sas(device_id, module_id, managed_by, "", "")


def module_string(module, key=None):
    key = key or module.authentication.symmetric_key.primary_key
    return f"HostName={host};DeviceId={module.device_id};ModuleId={module.module_id};SharedAccessKey={key}"


def module_client(module, **options):
    string = module if isinstance(module, str) else module_string(module)
    return IoTHubModuleClient.create_from_connection_string(
        string, server_verification_cert=ca, connection_retry=False, **options)
