package conformance;

import com.azure.messaging.eventhubs.EventData;
import com.azure.messaging.eventhubs.EventHubClientBuilder;
import com.azure.messaging.eventhubs.EventHubConsumerAsyncClient;
import com.azure.messaging.eventhubs.models.EventPosition;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** One reader for cases that run side by side: whatever comes from now on, by device. */
final class Stream {
    private static final Map<String, List<EventData>> BY_DEVICE = new ConcurrentHashMap<>();

    private Stream() {}

    static void start() {
        EventHubConsumerAsyncClient client = new EventHubClientBuilder().connectionString(System.getenv("HUB_EVENTS"))
            .consumerGroup("$Default").buildAsyncConsumerClient();
        for (String id : client.getPartitionIds().collectList().block()) {
            long last = client.getPartitionProperties(id).block().getLastEnqueuedSequenceNumber();
            client.receiveFromPartition(id, EventPosition.fromSequenceNumber(last, false))
                .subscribe(event -> take(event.getData()));
        }
    }

    private static void take(EventData event) {
        String device = Hub.stamp(event, "iothub-connection-device-id");
        BY_DEVICE.computeIfAbsent(device, id -> new CopyOnWriteArrayList<>()).add(event);
    }

    private static List<EventData> of(String deviceId) {
        return BY_DEVICE.getOrDefault(deviceId, List.of());
    }

    /** The first event of a device, which is waited for. */
    static EventData first(String deviceId) throws Exception {
        Hub.until("an event of " + deviceId + " comes", () -> !of(deviceId).isEmpty());
        return of(deviceId).get(0);
    }
}
