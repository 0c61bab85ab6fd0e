package conformance;

import com.azure.messaging.eventhubs.EventData;
import com.azure.messaging.eventhubs.EventHubClientBuilder;
import com.azure.messaging.eventhubs.EventHubConsumerClient;
import com.azure.messaging.eventhubs.models.EventPosition;
import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.exceptions.IotHubClientException;
import com.microsoft.azure.sdk.iot.device.transport.NoRetry;
import com.microsoft.azure.sdk.iot.service.messaging.DeliveryAcknowledgement;
import com.microsoft.azure.sdk.iot.service.messaging.IotHubServiceClientProtocol;
import com.microsoft.azure.sdk.iot.service.messaging.MessagingClient;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodsClient;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.Module;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** The hub under test as the cases of devices see it. The environment says where it is (../suite.py). */
final class Hub {
    static final String HOST = System.getenv("HUB_HOST");
    static final String OWNER = System.getenv("HUB_OWNER");
    private static final Duration WAIT = Duration.ofSeconds(60);
    static final int ANSWER_MS_MAX = 3000; // for one try of again()
    private static final int TRIES_MAX = 20;

    static final RegistryClient REGISTRY = new RegistryClient(OWNER);
    static final DirectMethodsClient METHODS = new DirectMethodsClient(OWNER);
    static final TwinClient TWINS = new TwinClient(OWNER);

    private Hub() {}

    /** A new device's connection string. */
    static String device(String id) throws Exception {
        Device device = REGISTRY.addDevice(new Device(id));
        return "HostName=" + HOST + ";DeviceId=" + id + ";SharedAccessKey=" + device.getPrimaryKey();
    }

    /** A new module's connection string. */
    static String module(String deviceId, String id) throws Exception {
        Module module = REGISTRY.addModule(new Module(deviceId, id));
        return "HostName=" + HOST + ";DeviceId=" + deviceId + ";ModuleId=" + id
            + ";SharedAccessKey=" + module.getPrimaryKey();
    }

    /** Polls for messages each half second where it has to poll (HTTPS). */
    static ClientOptions options() {
        return ClientOptions.builder().receiveInterval(500).build();
    }

    static DeviceClient open(String connectionString, IotHubClientProtocol protocol) throws Exception {
        DeviceClient client = new DeviceClient(connectionString, protocol, options());
        client.setRetryPolicy(new NoRetry());
        client.open(false);
        return client;
    }

    /** What closes a device, a module or a connection of many devices. */
    interface Closing {
        void close() throws Exception;
    }

    /**
     * Closes a client of the device SDK. Over AMQP it waits for its reactor's thread for a limited time and then frees
     * what that thread frees as well (AmqpsIotHubConnection.closeNetworkResources): proton-j falls over its own list.
     */
    static void close(Closing client) throws Exception {
        try {
            client.close();
        } catch (NullPointerException error) {
            if (!error.getStackTrace()[0].getClassName().startsWith("org.apache.qpid.proton.")) {
                throw error;
            }
        }
    }

    static void send(String deviceId, String... bodies) throws Exception {
        MessagingClient client = new MessagingClient(OWNER, IotHubServiceClientProtocol.AMQPS);
        client.open();
        try {
            for (String body : bodies) {
                client.send(deviceId, new com.microsoft.azure.sdk.iot.service.messaging.Message(body));
            }
        } finally {
            client.close();
        }
    }

    /** Sends a message of which the sender wants to hear. */
    static void sendAsking(String deviceId, String body, Map<String, String> properties) throws Exception {
        MessagingClient client = new MessagingClient(OWNER, IotHubServiceClientProtocol.AMQPS);
        client.open();
        try {
            var message = new com.microsoft.azure.sdk.iot.service.messaging.Message(body);
            message.setProperties(properties);
            message.setDeliveryAcknowledgement(DeliveryAcknowledgement.Full);
            client.send(deviceId, message);
        } finally {
            client.close();
        }
    }

    /**
     * Asks again when the client lost the answer: IotHubTransport queues a received message before it looks up whose
     * answer it is, and the thread that takes it from there may have forgotten the asker by then.
     */
    static <T> T again(Callable<T> ask) throws Exception {
        for (int tries = 1;; tries++) {
            try {
                return ask.call();
            } catch (IotHubClientException error) {
                if (tries == TRIES_MAX) {
                    throw error;
                }
                Thread.sleep(200);
            }
        }
    }

    /** Asks until the answer is something true, or fails saying what was waited for. */
    static void until(String what, Callable<Boolean> probe) throws Exception {
        long end = System.currentTimeMillis() + 60000;
        while (!probe.call()) {
            if (System.currentTimeMillis() > end) {
                throw new AssertionError("waited in vain until " + what);
            }
            Thread.sleep(50);
        }
    }

    /** Acts, and returns the events that came meanwhile. */
    static List<EventData> events(Check.Body act) throws Exception {
        List<EventData> events = new ArrayList<>();
        Map<String, Long> last = new HashMap<>();
        try (EventHubConsumerClient client = new EventHubClientBuilder()
            .connectionString(System.getenv("HUB_EVENTS")).consumerGroup("$Default").buildConsumerClient()) {
            for (String id : client.getPartitionIds()) {
                last.put(id, client.getPartitionProperties(id).getLastEnqueuedSequenceNumber());
            }
            act.run();
            for (Map.Entry<String, Long> one : last.entrySet()) {
                long now = client.getPartitionProperties(one.getKey()).getLastEnqueuedSequenceNumber();
                int count = (int) (now - one.getValue());
                if (count > 0) {
                    EventPosition from = EventPosition.fromSequenceNumber(one.getValue(), false);
                    client.receiveFromPartition(one.getKey(), count, from, WAIT).forEach(e -> events.add(e.getData()));
                }
            }
        }
        return events;
    }

    static String stamp(EventData event, String name) {
        Object value = event.getSystemProperties().get(name);
        return value == null ? null : value.toString();
    }
}
