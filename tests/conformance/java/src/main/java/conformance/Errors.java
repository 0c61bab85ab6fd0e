package conformance;

import static conformance.Check.equal;
import static conformance.Check.failure;

import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubStatusCode;
import com.microsoft.azure.sdk.iot.device.exceptions.IotHubClientException;
import com.microsoft.azure.sdk.iot.service.configurations.ConfigurationsClient;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubException;
import com.microsoft.azure.sdk.iot.service.jobs.ScheduledJobsClient;
import com.microsoft.azure.sdk.iot.service.messaging.IotHubServiceClientProtocol;
import com.microsoft.azure.sdk.iot.service.messaging.Message;
import com.microsoft.azure.sdk.iot.service.messaging.MessagingClient;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodRequestOptions;
import com.microsoft.azure.sdk.iot.service.query.QueryClient;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.Module;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import com.microsoft.azure.sdk.iot.service.twin.Twin;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;

/**
 * What Java's SDKs make of errors: the exception, and the number in it: the error's own where the answer has it as a
 * number (modules, methods), else the status. What stands in the answers is in ../node/errors_http.js.
 */
public final class Errors {
    private static final String GROUP = "java errors";
    private static final String ID = "err-java";
    private static final String OTHER = "err-java-other";
    private static final String NOBODY = "err-java-nobody";
    private static final String OTHER_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    /** Else the SDK asks the hub to wait 200 s for the device, and waits 24 s for the answer. */
    private static final DirectMethodRequestOptions AT_ONCE =
        DirectMethodRequestOptions.builder().methodConnectTimeoutSeconds(0).build();

    private Errors() {}

    /** One row: exception, number in it, what, call. */
    private static void row(Check all, String exception, int number, String what, Check.Body call) {
        all.add("iot-service-client: " + what + " is an " + exception, () -> {
            Throwable error = failure(call);
            equal("the error", error.getClass().getSimpleName(), exception);
            equal("its number", ((IotHubException) error).getErrorCode(), number);
        });
    }

    private static String withKey(String connectionString) {
        return connectionString.replaceAll("SharedAccessKey=.*", "SharedAccessKey=" + OTHER_KEY);
    }

    private static void services(Check all) {
        RegistryClient registry = Hub.REGISTRY;
        TwinClient twins = Hub.TWINS;
        row(all, "IotHubNotFoundException", 404, "a device that is not there", () -> registry.getDevice(NOBODY));
        row(all, "IotHubNotFoundException", 404010, "a module that is not there", () -> registry.getModule(ID, "none"));
        row(all, "IotHubNotFoundException", 404, "a twin that is not there", () -> twins.get(NOBODY));
        row(all, "IotHubNotFoundException", 404, "a method of nobody", () -> Hub.METHODS.invoke(NOBODY, "m"));
        row(all, "IotHubNotFoundException", 404103, "a method of a device that is not connected",
            () -> Hub.METHODS.invoke(ID, "m", AT_ONCE));
        row(all, "IotHubNotFoundException", 404, "an import or export that is not there", () -> registry.getJob("none"));
        row(all, "IotHubNotFoundException", 404, "a job to cancel that is not there",
            () -> new ScheduledJobsClient(Hub.OWNER).cancel("err-none"));
        row(all, "IotHubNotFoundException", 404, "a configuration that is not there",
            () -> new ConfigurationsClient(Hub.OWNER).get("err-none"));
        row(all, "IotHubConflictException", 409, "a device that is there", () -> registry.addDevice(new Device(ID)));
        row(all, "IotHubConflictException", 409301, "a module that is there", () -> registry.addModule(new Module(ID, "m")));
        row(all, "IotHubPreconditionFailedException", 412, "another etag", () -> {
            Device stale = registry.getDevice(OTHER);
            registry.updateDevice(registry.getDevice(OTHER));
            registry.removeDevice(stale);
        });
        row(all, "IotHubPreconditionFailedException", 412, "another etag of a twin",
            () -> {
                Twin tagged = new Twin(ID);
                tagged.getTags().put("a", 1);
                twins.patch(tagged, "AAAAAAAAAAk=");
            });
        row(all, "IotHubBadFormatException", 400, "an id with a space", () -> registry.getDevice("a b"));
        row(all, "IotHubBadFormatException", 400, "a query that does not parse",
            () -> new QueryClient(Hub.OWNER).queryTwins("SELECT * FROM nowhere"));
        row(all, "IotHubUnauthorizedException", 401, "another key",
            () -> new RegistryClient(withKey(Hub.OWNER)).getDevice(ID));
        row(all, "IotHubUnauthorizedException", 401, "a right that the policy lacks",
            () -> new TwinClient(System.getenv("HUB_REGISTRY_READ")).get(ID));
    }

    private static void sent(Check all, String exception, String what, String to, String body) {
        all.add("iot-service-client: " + what + " is an " + exception, () -> {
            MessagingClient client = new MessagingClient(Hub.OWNER, IotHubServiceClientProtocol.AMQPS);
            client.open();
            try {
                equal("the error", failure(() -> client.send(to, new Message(body))).getClass().getSimpleName(), exception);
            } finally {
                client.close();
            }
        });
    }

    private static void devices(Check all) {
        for (IotHubClientProtocol protocol : new IotHubClientProtocol[] {IotHubClientProtocol.AMQPS, IotHubClientProtocol.MQTT}) {
            for (String id : new String[] {ID, NOBODY}) {
                all.add("iot-device-client: over " + protocol + " " + id + " with another key is UNAUTHORIZED", () -> {
                    DeviceClient client = new DeviceClient("HostName=" + Hub.HOST + ";DeviceId=" + id
                        + ";SharedAccessKey=" + OTHER_KEY, protocol);
                    Throwable error = failure(() -> client.open(false));
                    equal("the status", ((IotHubClientException) error).getStatusCode(), IotHubStatusCode.UNAUTHORIZED);
                });
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Hub.REGISTRY.addDevice(new Device(ID));
        Hub.REGISTRY.addDevice(new Device(OTHER));
        Hub.REGISTRY.addModule(new Module(ID, "m"));
        Check all = new Check();
        services(all);
        sent(all, "IotHubNotFoundException", "a message to a device that is not there", NOBODY, "x");
        sent(all, "IotHubMessageTooLargeException", "a message of 64 KiB and a byte", ID, "x".repeat(64 * 1024 + 1));
        devices(all);
        System.exit(all.runSideBySide(GROUP, 4) ? 0 : 1);
    }
}
