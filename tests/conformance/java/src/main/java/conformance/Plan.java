package conformance;

import static conformance.Check.equal;

import com.azure.core.amqp.models.AmqpMessageProperties;
import com.azure.messaging.eventhubs.EventData;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A message of ../node/feed.js as it must arrive. */
record Plan(JsonNode json) {
    static List<Plan> read(String path) throws IOException {
        List<Plan> plans = new ArrayList<>();
        new ObjectMapper().readTree(new File(path)).forEach(json -> plans.add(new Plan(json)));
        return plans;
    }

    String device() {
        return json.get("deviceId").textValue();
    }

    private String text(String field) {
        return json.has(field) ? json.get(field).textValue() : null;
    }

    private Map<String, Object> properties() {
        Map<String, Object> all = new HashMap<>();
        json.get("properties").fields().forEachRemaining(
            one -> all.put(one.getKey(), one.getValue().textValue()));
        return all;
    }

    private static String textOrNull(Object value) {
        return value == null ? null : value.toString();
    }

    /** Fails where the event differs from this plan. */
    void compare(EventData event) throws IOException {
        String what = device() + " " + json.get("properties").get("n").textValue() + ": ";
        AmqpMessageProperties raw = event.getRawAmqpMessage().getProperties();
        equal(what + "the body", Arrays.equals(event.getBody(), json.get("body").binaryValue()), true);
        equal(what + "the properties", new HashMap<>(event.getProperties()), properties());
        equal(what + "generation",
            textOrNull(event.getSystemProperties().get("iothub-connection-auth-generation-id")),
            text("generationId"));
        equal(what + "source",
            textOrNull(event.getSystemProperties().get("iothub-message-source")), "Telemetry");
        equal(what + "message id", textOrNull(raw.getMessageId()), text("messageId"));
        equal(what + "correlation id", textOrNull(raw.getCorrelationId()), text("correlationId"));
        byte[] user = raw.getUserId();
        equal(what + "user id", user == null || user.length == 0 ? null : new String(user), text("userId"));
        equal(what + "content type", raw.getContentType(), text("contentType"));
        equal(what + "content encoding", raw.getContentEncoding(), text("contentEncoding"));
        equal(what + "expiry",
            raw.getAbsoluteExpiryTime() == null ? null : raw.getAbsoluteExpiryTime().toInstant().toEpochMilli(),
            json.has("expiry") ? json.get("expiry").longValue() : null);
    }
}
