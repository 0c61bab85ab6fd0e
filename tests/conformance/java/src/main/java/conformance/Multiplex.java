package conformance;

import static conformance.Check.equal;
import static conformance.Check.failure;
import static conformance.Hub.ANSWER_MS_MAX;
import static conformance.Hub.again;
import static conformance.Hub.until;

import com.azure.messaging.eventhubs.EventData;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubMessageResult;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.MultiplexingClient;
import com.microsoft.azure.sdk.iot.device.transport.NoRetry;
import com.microsoft.azure.sdk.iot.device.twin.DirectMethodResponse;
import com.microsoft.azure.sdk.iot.device.twin.TwinCollection;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Many devices on one connection: MultiplexingClient of iot-device-client. */
public final class Multiplex {
    private static final int DEVICES = 12;
    private final IotHubClientProtocol protocol;

    private Multiplex(IotHubClientProtocol protocol) {
        this.protocol = protocol;
    }

    private String name(String what) {
        return "java-mux-" + protocol.name().toLowerCase().replace('_', '-') + "-" + what;
    }

    private List<DeviceClient> devices(String what, int count) throws Exception {
        List<DeviceClient> all = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            all.add(new DeviceClient(Hub.device(name(what) + "-" + n), protocol));
        }
        return all;
    }

    private MultiplexingClient open(Iterable<DeviceClient> devices) throws Exception {
        MultiplexingClient client = new MultiplexingClient(Hub.HOST, protocol);
        client.setRetryPolicy(new NoRetry());
        client.registerDeviceClients(devices);
        client.open(false);
        return client;
    }

    private void allOfThemWork() throws Exception {
        List<DeviceClient> devices = devices("work", DEVICES);
        Set<String> got = ConcurrentHashMap.newKeySet();
        for (int n = 0; n < DEVICES; n++) {
            String id = name("work") + "-" + n;
            devices.get(n).setMessageCallback((message, context) -> {
                got.add(id + " " + new String(message.getBytes()));
                return IotHubMessageResult.COMPLETE;
            }, null);
        }
        MultiplexingClient client = open(devices);
        List<EventData> events = Hub.events(() -> {
            for (DeviceClient one : devices) {
                one.sendEvent(new Message(one.getConfig().getDeviceId()));
            }
        });
        Set<String> sources = new HashSet<>();
        for (EventData event : events) {
            equal("its source", Hub.stamp(event, "iothub-connection-device-id"), event.getBodyAsString());
            sources.add(event.getBodyAsString());
        }
        equal("the number of devices heard of", sources.size(), DEVICES);
        for (DeviceClient one : devices) {
            String id = one.getConfig().getDeviceId();
            one.subscribeToMethods((method, payload, context) -> new DirectMethodResponse(200, id), null);
            equal("the answer", Hub.METHODS.invoke(id, "who").getPayload(String.class), id);
            one.subscribeToDesiredProperties((change, context) -> { }, null);
            TwinCollection reported = again(() -> one.getTwin(ANSWER_MS_MAX)).getReportedProperties();
            reported.put("me", id);
            again(() -> one.updateReportedProperties(reported, ANSWER_MS_MAX));
            equal("the twin", Hub.TWINS.get(id).getReportedProperties().get("me"), id);
            Hub.send(id, "hello");
        }
        until("each has its message", () -> got.size() == DEVICES);
        Hub.close(client::close);
    }

    private void devicesComeAndGo() throws Exception {
        List<DeviceClient> devices = devices("come", 6);
        MultiplexingClient client = open(devices.subList(0, 3));
        client.registerDeviceClients(devices.subList(3, 6));
        client.unregisterDeviceClients(devices.subList(0, 3));
        until("those that left are away", () -> Hub.REGISTRY.getDevice(name("come-0")).getConnectionState().toString().equals("Disconnected"));
        List<EventData> events = Hub.events(() -> {
            for (DeviceClient one : devices.subList(3, 6)) {
                one.sendEvent(new Message("x"));
            }
        });
        equal("the number of events", events.size(), 3);
        Hub.close(client::close);
    }

    private void oneThatIsRefusedHarmsNobody() throws Exception {
        List<DeviceClient> devices = devices("refused", 3);
        MultiplexingClient client = open(devices);
        DeviceClient wrong = new DeviceClient("HostName=" + Hub.HOST + ";DeviceId=" + name("nobody")
            + ";SharedAccessKey=CQkJCQkJCQkJCQkJCQkJCQ==", protocol);
        wrong.setRetryPolicy(new NoRetry());
        failure(() -> client.registerDeviceClient(wrong));
        List<EventData> events = Hub.events(() -> {
            for (DeviceClient one : devices.subList(1, 3)) {
                one.sendEvent(new Message("x"));
            }
        });
        equal("the number of events", events.size(), 2);
        Hub.close(client::close);
    }

    private void oneThatIsDeletedHarmsNobody() throws Exception {
        List<DeviceClient> devices = devices("deleted", 3);
        MultiplexingClient client = open(devices);
        Hub.REGISTRY.removeDevice(name("deleted-0"));
        List<EventData> events = Hub.events(() -> {
            for (DeviceClient one : devices.subList(1, 3)) {
                one.sendEvent(new Message("x"));
            }
        });
        equal("the number of events", events.size(), 2);
        Hub.close(client::close);
    }

    public static void main(String[] args) {
        Multiplex all = new Multiplex(IotHubClientProtocol.valueOf(args[0]));
        Check check = new Check().add(DEVICES + " devices on one connection do all they can", all::allOfThemWork)
            .add("devices come and go", all::devicesComeAndGo)
            .add("one that is refused harms nobody", all::oneThatIsRefusedHarmsNobody)
            .add("one that is deleted harms nobody", all::oneThatIsDeletedHarmsNobody);
        System.exit(check.runAll("java multiplex " + args[0]) ? 0 : 1);
    }
}
