package conformance;

import static conformance.Check.equal;
import static conformance.Check.failure;

import com.azure.core.amqp.AmqpRetryOptions;
import com.azure.core.amqp.AmqpTransportType;
import com.azure.core.amqp.exception.AmqpErrorCondition;
import com.azure.core.amqp.exception.AmqpException;
import com.azure.messaging.eventhubs.EventData;
import com.azure.messaging.eventhubs.EventHubClientBuilder;
import com.azure.messaging.eventhubs.EventHubConsumerAsyncClient;
import com.azure.messaging.eventhubs.EventHubConsumerClient;
import com.azure.messaging.eventhubs.PartitionProperties;
import com.azure.messaging.eventhubs.models.EventPosition;
import com.azure.messaging.eventhubs.models.PartitionEvent;
import com.azure.messaging.eventhubs.models.ReceiveOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import reactor.core.Disposable;

/**
 * The stream read with azure-messaging-eventhubs. The environment says where the hub is and what
 * ../node/feed.js has sent (set by ../suite.py); the trust store of the JVM has the hub's CA.
 */
public final class Consumer {
    private static final Duration WAIT = Duration.ofSeconds(60);
    private static final String EVENTS = System.getenv("HUB_EVENTS");

    private Consumer() {}

    private static EventHubClientBuilder builder(String connectionString, String group) {
        AmqpRetryOptions once = new AmqpRetryOptions().setMaxRetries(0).setTryTimeout(WAIT);
        return new EventHubClientBuilder().connectionString(connectionString).consumerGroup(group).retryOptions(once);
    }

    private static EventHubConsumerClient client() {
        return builder(EVENTS, "$Default").buildConsumerClient();
    }

    private static EventHubConsumerClient clientOverWebSocket() {
        return builder(EVENTS, "$Default").transportType(AmqpTransportType.AMQP_WEB_SOCKETS).buildConsumerClient();
    }

    private static List<PartitionEvent> read(EventHubConsumerClient client, String partition, int count,
        EventPosition from, ReceiveOptions options) {
        List<PartitionEvent> events = new ArrayList<>();
        client.receiveFromPartition(partition, count, from, WAIT, options).forEach(events::add);
        return events;
    }

    private static EventData first(EventHubConsumerClient client, String partition, EventPosition from) {
        List<PartitionEvent> events = read(client, partition, 1, from, new ReceiveOptions());
        equal("the number of events from " + from, events.size(), 1);
        return events.get(0).getData();
    }

    /** All events of a partition; their numbers have no gaps. */
    private static List<EventData> all(EventHubConsumerClient client, String partition) {
        long last = client.getPartitionProperties(partition).getLastEnqueuedSequenceNumber();
        List<EventData> events = new ArrayList<>();
        if (last >= 0) {
            read(client, partition, (int) last + 1, EventPosition.earliest(), new ReceiveOptions())
                .forEach(event -> events.add(event.getData()));
        }
        equal("the number of events", (long) events.size(), last + 1);
        for (int n = 0; n < events.size(); n++) {
            equal("the number", events.get(n).getSequenceNumber(), (long) n);
        }
        return events;
    }

    private static String deviceOf(EventData event) {
        return String.valueOf(event.getSystemProperties().get("iothub-connection-device-id"));
    }

    private static void describes() {
        try (EventHubConsumerClient client = client()) {
            equal("the partitions", client.getPartitionIds().stream().sorted().toList(), List.of("0", "1", "2", "3"));
            equal("the name", client.getEventHubProperties().getName(), client.getEventHubName());
        }
    }

    private static void feedArrivesAt(EventHubConsumerClient reader) throws Exception {
        Map<String, List<Plan>> next = new HashMap<>();
        for (Plan plan : Plan.read(System.getenv("HUB_FEED"))) {
            next.computeIfAbsent(plan.device(), any -> new ArrayList<>()).add(plan);
        }
        try (EventHubConsumerClient client = reader) {
            for (String partition : client.getPartitionIds()) {
                for (EventData event : all(client, partition)) {
                    List<Plan> left = next.getOrDefault(deviceOf(event), List.of());
                    if (!left.isEmpty()) {
                        left.remove(0).compare(event);
                    }
                }
            }
        }
        next.forEach((device, left) -> equal("what is missing of " + device, left.size(), 0));
    }

    /** A partition with at least ten events. */
    private static String busy(EventHubConsumerClient client) {
        return client.getPartitionIds().stream()
            .filter(id -> client.getPartitionProperties(id).getLastEnqueuedSequenceNumber() >= 9)
            .findFirst().orElseThrow();
    }

    private static void positionsStart() {
        try (EventHubConsumerClient client = client()) {
            String partition = busy(client);
            EventData at = all(client, partition).get(5);
            Map<EventPosition, Long> starts = Map.of(
                EventPosition.fromOffset(at.getOffset()), at.getSequenceNumber() + 1,
                EventPosition.fromSequenceNumber(at.getSequenceNumber()), at.getSequenceNumber() + 1,
                EventPosition.fromSequenceNumber(at.getSequenceNumber(), true), at.getSequenceNumber());
            starts.forEach((from, wanted) -> equal(from.toString(), first(client, partition, from).getSequenceNumber(), wanted));
            EventData first = first(client, partition, EventPosition.fromEnqueuedTime(at.getEnqueuedTime().minusMillis(1)));
            equal("the start after a time", first.getEnqueuedTime().isBefore(at.getEnqueuedTime().minusMillis(1)), false);
        }
    }

    private static void metricTravels() {
        try (EventHubConsumerClient client = client()) {
            String partition = busy(client);
            PartitionProperties info = client.getPartitionProperties(partition);
            PartitionEvent event = read(client, partition, 1, EventPosition.earliest(),
                new ReceiveOptions().setTrackLastEnqueuedEventProperties(true)).get(0);
            equal("the last number", event.getLastEnqueuedEventProperties().getSequenceNumber(),
                info.getLastEnqueuedSequenceNumber());
            equal("the last time", event.getLastEnqueuedEventProperties().getEnqueuedTime(), info.getLastEnqueuedTime());
        }
    }

    private static void refused(Throwable error, AmqpErrorCondition condition) {
        Throwable cause = error instanceof AmqpException ? error : error.getCause();
        if (!(cause instanceof AmqpException amqp)) {
            throw new AssertionError("not an AMQP error: " + error);
        }
        equal("the condition", amqp.getErrorCondition(), condition);
    }

    private static void wrongKeyRefused() {
        String wrong = EVENTS.replaceAll("SharedAccessKey=[^;]*", "SharedAccessKey=" + "A".repeat(43) + "=");
        try (EventHubConsumerClient client = builder(wrong, "$Default").buildConsumerClient()) {
            refused(failure(client::getEventHubProperties), AmqpErrorCondition.UNAUTHORIZED_ACCESS);
        }
    }

    /** The error that a reader meets. */
    private static CompletableFuture<Throwable> errorOf(EventHubConsumerAsyncClient client, String partition,
        Long level, CompletableFuture<Void> firstEvent) {
        CompletableFuture<Throwable> error = new CompletableFuture<>();
        ReceiveOptions options = new ReceiveOptions();
        if (level != null) {
            options.setOwnerLevel(level);
        }
        Disposable subscription = client.receiveFromPartition(partition, EventPosition.earliest(), options)
            .subscribe(event -> firstEvent.complete(null), error::complete);
        error.whenComplete((some, none) -> subscription.dispose());
        return error;
    }

    private static void unknownGroupRefused() throws Exception {
        try (EventHubConsumerAsyncClient client = builder(EVENTS, "nobody").buildAsyncConsumerClient()) {
            Throwable error = errorOf(client, "0", null, new CompletableFuture<>()).get(60, TimeUnit.SECONDS);
            refused(error, AmqpErrorCondition.NOT_FOUND);
        }
    }

    private static void levelsSteal() throws Exception {
        String partition;
        try (EventHubConsumerClient client = client()) {
            partition = busy(client);
        }
        try (EventHubConsumerAsyncClient low = builder(EVENTS, "$Default").buildAsyncConsumerClient();
            EventHubConsumerAsyncClient high = builder(EVENTS, "$Default").buildAsyncConsumerClient()) {
            CompletableFuture<Void> lowReads = new CompletableFuture<>();
            CompletableFuture<Throwable> lowError = errorOf(low, partition, 1L, lowReads);
            lowReads.get(60, TimeUnit.SECONDS);
            CompletableFuture<Void> highReads = new CompletableFuture<>();
            CompletableFuture<Throwable> highError = errorOf(high, partition, 2L, highReads);
            highReads.get(60, TimeUnit.SECONDS);
            refused(lowError.get(60, TimeUnit.SECONDS), AmqpErrorCondition.LINK_STOLEN);
            highError.complete(null);
        }
    }

    public static void main(String[] arguments) {
        boolean good = new Check()
            .add("the hub describes itself", Consumer::describes)
            .add("the feed arrives message for message, and numbers have no gaps", () -> feedArrivesAt(client()))
            .add("the feed arrives the same over WebSocket", () -> feedArrivesAt(clientOverWebSocket()))
            .add("every position starts where it says", Consumer::positionsStart)
            .add("the last enqueued event travels with each event when asked for", Consumer::metricTravels)
            .add("a wrong key is unauthorized", Consumer::wrongKeyRefused)
            .add("an unknown group is not found", Consumer::unknownGroupRefused)
            .add("a higher owner level takes the partition", Consumer::levelsSteal)
            .runAll("java consumer");
        System.exit(good ? 0 : 1);
    }
}
