package conformance;

import static conformance.Check.equal;
import static conformance.Check.failure;
import static conformance.Hub.ANSWER_MS_MAX;
import static conformance.Hub.again;
import static conformance.Hub.until;

import com.azure.messaging.eventhubs.EventData;
import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubMessageResult;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.ModuleClient;
import com.microsoft.azure.sdk.iot.device.twin.DirectMethodResponse;
import com.microsoft.azure.sdk.iot.device.twin.Twin;
import com.microsoft.azure.sdk.iot.device.twin.TwinCollection;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodRequestOptions;
import java.util.Collections;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Devices and modules through iot-device-client over the protocol that is named. */
public final class Devices {
    private final IotHubClientProtocol protocol;
    private final boolean https;

    private Devices(IotHubClientProtocol protocol) {
        this.protocol = protocol;
        this.https = protocol == IotHubClientProtocol.HTTPS;
    }

    private String name(String what) {
        return "java-" + protocol.name().toLowerCase().replace('_', '-') + "-" + what;
    }

    private static Message message(String body) {
        Message message = new Message(body);
        message.setMessageId("mid " + body);
        message.setCorrelationId("cid");
        message.setContentType("application/json");
        message.setContentEncoding("utf-8");
        message.setProperty("with.dot", "a b&c=d");
        return message;
    }

    private void aMessageArrives() throws Exception {
        String id = name("sends");
        DeviceClient client = Hub.open(Hub.device(id), protocol);
        List<EventData> events = Hub.events(() -> client.sendEvent(message("1")));
        Hub.close(client::close);
        equal("the number of events", events.size(), 1);
        EventData event = events.get(0);
        equal("the body", event.getBodyAsString(), "1");
        equal("the property", event.getProperties().get("with.dot"), "a b&c=d");
        equal("the id", event.getMessageId(), "mid 1");
        equal("the content type", event.getContentType(), "application/json");
        equal("the device", Hub.stamp(event, "iothub-connection-device-id"), id);
        equal("its module", Hub.stamp(event, "iothub-connection-module-id"), null);
    }

    private void manyArriveInOrder() throws Exception {
        DeviceClient client = Hub.open(Hub.device(name("order")), protocol);
        List<String> sent = IntStream.range(0, 100).mapToObj(String::valueOf).collect(Collectors.toList());
        List<Message> messages = sent.stream().map(Message::new).collect(Collectors.toList());
        List<EventData> events = Hub.events(() -> {
            if (https) {
                client.sendEvents(messages);
            } else {
                for (Message one : messages) {
                    client.sendEvent(one);
                }
            }
        });
        Hub.close(client::close);
        equal("what came", events.stream().map(EventData::getBodyAsString).collect(Collectors.toList()), sent);
    }

    private void aModelIsTold() throws Exception {
        String model = "dtmi:com:example:Thermostat;1";
        DeviceClient client = new DeviceClient(Hub.device(name("model")), protocol,
            ClientOptions.builder().modelId(model).build());
        client.open(false);
        List<EventData> events = Hub.events(() -> client.sendEvent(new Message("{}")));
        Hub.close(client::close);
        equal("the model", Hub.stamp(events.get(0), "dt-dataschema"), model);
    }

    private void wrongKeysAreRefused() throws Exception {
        String right = Hub.device(name("wrong"));
        String wrong = right.replaceAll("SharedAccessKey=.*", "SharedAccessKey=CQkJCQkJCQkJCQkJCQkJCQ==");
        Throwable error = failure(() -> {
            DeviceClient client = Hub.open(wrong, protocol);
            try {
                client.sendEvent(new Message("{}"));
            } finally {
                Hub.close(client::close);
            }
        });
        String words = error.toString().toLowerCase();
        equal("an error of authorisation in " + words, words.contains("unauthor") || words.contains("401")
            || words.contains("authentication"), true);
    }

    private void methodsAreAnswered() throws Exception {
        String id = name("methods");
        DeviceClient client = Hub.open(Hub.device(id), protocol);
        client.subscribeToMethods((method, payload, context) ->
            new DirectMethodResponse(method.length(), Map.of("got", payload.getPayloadAsJsonString())), null);
        for (int n = 0; n < 5; n++) {
            var options = DirectMethodRequestOptions.builder().payload(Map.of("n", n)).build();
            var answer = Hub.METHODS.invoke(id, "reboot", options);
            equal("the status", answer.getStatus(), 6);
            equal("the payload", answer.getPayloadAsJsonString().contains("\\\"n\\\":" + n), true);
        }
        Hub.close(client::close);
        until("it is away", () -> failure(() -> Hub.METHODS.invoke(id, "reboot")) != null);
    }

    private void twinsAreReadAndReported() throws Exception {
        String id = name("twin");
        DeviceClient client = Hub.open(Hub.device(id), protocol);
        List<Object> heard = Collections.synchronizedList(new ArrayList<>());
        client.subscribeToDesiredProperties((change, context) ->
            heard.add(change.getDesiredProperties().get("n")), null);
        Twin twin = again(() -> client.getTwin(ANSWER_MS_MAX));
        equal("desired", twin.getDesiredProperties().getVersion(), 1);
        TwinCollection reported = twin.getReportedProperties();
        reported.put("fan", Map.of("speed", 1.5));
        AtomicInteger tries = new AtomicInteger();
        int version = again(() -> {
            tries.incrementAndGet();
            return client.updateReportedProperties(reported, ANSWER_MS_MAX);
        }).getVersion();
        equal("reported", version, 1 + tries.get());
        for (double n = 0; n < 10; n++) {
            var change = new com.microsoft.azure.sdk.iot.service.twin.Twin(id);
            change.getDesiredProperties().put("n", n);
            Hub.TWINS.patch(change);
        }
        until("all changes came", () -> heard.size() == 10);
        equal("the changes", heard.get(9), 9.0);
        equal("the twin", again(() -> client.getTwin(ANSWER_MS_MAX)).getDesiredProperties().get("n"), 9.0);
        equal("what was reported", Hub.TWINS.get(id).getReportedProperties().containsKey("fan"), true);
        Hub.close(client::close);
    }

    private void messagesAreSettled() throws Exception {
        String id = name("c2d");
        DeviceClient client = new DeviceClient(Hub.device(id), protocol, Hub.options());
        List<String> got = Collections.synchronizedList(new ArrayList<>());
        client.setMessageCallback((message, context) -> {
            String body = new String(message.getBytes());
            got.add(body);
            if (body.equals("abandoned") && Collections.frequency(got, body) < 3 && !overMqtt()) {
                return IotHubMessageResult.ABANDON;
            }
            return body.equals("rejected") && !overMqtt() ? IotHubMessageResult.REJECT : IotHubMessageResult.COMPLETE;
        }, null);
        client.open(false);
        Hub.send(id, "completed", "abandoned", "rejected");
        until("all are settled", () -> got.size() == (overMqtt() ? 3 : 5)
            && Hub.REGISTRY.getDevice(id).getCloudToDeviceMessageCount() == 0);
        Hub.close(client::close);
    }

    private boolean overMqtt() {
        return protocol == IotHubClientProtocol.MQTT || protocol == IotHubClientProtocol.MQTT_WS;
    }

    private void modulesDoItAll() throws Exception {
        String id = name("module");
        Hub.device(id);
        ModuleClient client = new ModuleClient(Hub.module(id, "m1"), protocol, Hub.options());
        client.open(false);
        List<EventData> events = Hub.events(() -> {
            client.sendEvent(message("1"));
            client.sendEvent(message("2"), "temperature");
        });
        equal("the number of events", events.size(), 2);
        equal("the module", Hub.stamp(events.get(0), "iothub-connection-module-id"), "m1");
        equal("the output", events.get(1).getProperties().get("iothub-outputname"), "temperature");
        client.subscribeToMethods((method, payload, context) -> new DirectMethodResponse(7, null), null);
        equal("the status", Hub.METHODS.invoke(id, "m1", "x").getStatus(), 7);
        client.subscribeToDesiredProperties((change, context) -> { }, null);
        TwinCollection reported = again(() -> client.getTwin(ANSWER_MS_MAX)).getReportedProperties();
        reported.put("r", 1.0);
        again(() -> client.updateReportedProperties(reported, ANSWER_MS_MAX));
        equal("what was reported", Hub.TWINS.get(id, "m1").getReportedProperties().containsKey("r"), true);
        Hub.close(client::close);
    }

    private Check cases() {
        Check check = new Check().add("a message arrives with its properties", this::aMessageArrives)
            .add("a hundred arrive in order", this::manyArriveInOrder)
            .add("a wrong key is refused", this::wrongKeysAreRefused)
            .add("messages to a device are settled", this::messagesAreSettled);
        if (!https) {
            check.add("a model is told", this::aModelIsTold)
                .add("methods are answered", this::methodsAreAnswered)
                .add("twins are read, reported and told of", this::twinsAreReadAndReported)
                .add("a module does all of that", this::modulesDoItAll);
        }
        return check;
    }

    public static void main(String[] args) {
        Devices devices = new Devices(IotHubClientProtocol.valueOf(args[0]));
        System.exit(devices.cases().runAll("java device " + args[0]) ? 0 : 1);
    }
}
