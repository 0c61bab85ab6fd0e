package conformance;

import static conformance.Check.equal;
import static conformance.Hub.until;

import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.transport.IotHubConnectionStatus;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodsClient;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** What lasts: a connection whose token ends, one whose server ends. */
final class Lasting {
    private static final int GRACE_S = 300; // that long behind its end a token is good, then the hub cuts
    private static final int LEFT_S = 10;
    private static final int LIFE_S = 3600;

    private Lasting() {}

    private static String token(String deviceId, String key, long expiry) throws Exception {
        String resource = Hub.HOST + "/devices/" + deviceId;
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(key), "HmacSHA256"));
        byte[] signature = mac.doFinal((resource + "\n" + expiry).getBytes(StandardCharsets.UTF_8));
        String sig = java.net.URLEncoder.encode(Base64.getEncoder().encodeToString(signature), StandardCharsets.UTF_8);
        return "SharedAccessSignature sr=" + resource + "&sig=" + sig + "&se=" + expiry;
    }

    /**
     * The SDK asks for tokens. Its first ones end soon: over AMQP it puts another on the live connection before that;
     * over MQTT it waits until the hub cuts, which the grace delays, and comes back with another; over HTTPS it asks
     * for each request.
     */
    static void renewal(MatrixCells.Cell cell) throws Exception {
        String id = cell.id("renewal");
        String key = Hub.REGISTRY.addDevice(new Device(id)).getPrimaryKey();
        boolean amqp = cell.protocol() == IotHubClientProtocol.AMQPS || cell.protocol() == IotHubClientProtocol.AMQPS_WS;
        boolean mqtt = !amqp && cell.protocol() != IotHubClientProtocol.HTTPS;
        // For the first token: a busy machine takes its time until then. HTTPS asks when something is sent.
        AtomicLong asked = new AtomicLong(amqp || mqtt ? 0 : System.currentTimeMillis() / 1000);
        AtomicInteger renewed = new AtomicInteger();
        DeviceClient client = new DeviceClient(Hub.HOST, id, () -> {
            try {
                long now = System.currentTimeMillis() / 1000;
                asked.compareAndSet(0, now);
                boolean first = now < asked.get() + LEFT_S - 2;
                renewed.addAndGet(first ? 0 : 1);
                long soon = asked.get() + LEFT_S - (amqp ? 0 : GRACE_S);
                return token(id, key, first ? soon : now + LIFE_S).toCharArray();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }, cell.protocol(), Hub.options());
        List<IotHubConnectionStatus> cuts = new CopyOnWriteArrayList<>();
        client.setConnectionStatusChangeCallback((context) -> {
            if (context.getNewStatus() != IotHubConnectionStatus.CONNECTED) {
                cuts.add(context.getNewStatus());
            }
        }, null);
        client.open(false);
        if (mqtt) {
            until("the hub has cut and it is back", () -> renewed.get() == 1);
        } else if (amqp) {
            until("another token is put", () -> renewed.get() == 1);
        }
        until("the first token is over", () -> System.currentTimeMillis() / 1000 > asked.get() + LEFT_S);
        client.sendEvent(new Message("later"));
        equal("what came", Stream.first(id).getBodyAsString(), "later");
        equal("cuts", cuts, mqtt ? List.of(IotHubConnectionStatus.DISCONNECTED_RETRYING) : List.of());
        equal("that it has asked for another token", renewed.get() > 0, true);
        Hub.close(client::close);
    }

    /** One server, which is killed once when all protocols' devices are connected to it. */
    private static final class Shared {
        static final int PARTIES = 5;
        static final OwnServer SERVER = server();
        static final Phaser MEETING = new Phaser(PARTIES) {
            @Override
            protected boolean onAdvance(int phase, int left) {
                try {
                    if (phase == 0) {
                        SERVER.restart();
                    }
                } catch (Exception error) {
                    throw new IllegalStateException(error);
                }
                return left == 0;
            }
        };

        private static OwnServer server() {
            try {
                return new OwnServer();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }
    }

    /** A device that is connected over the protocol while its server is killed and started again. */
    static void restart(MatrixCells.Cell cell) throws Exception {
        String id = cell.id("survivor");
        String owner = Shared.SERVER.owner();
        String key = new RegistryClient(owner).addDevice(new Device(id)).getPrimaryKey();
        boolean answers = cell.protocol() != IotHubClientProtocol.HTTPS;
        DeviceClient client = new DeviceClient("HostName=" + OwnServer.HOST + ";DeviceId=" + id + ";SharedAccessKey=" + key,
            cell.protocol(), Hub.options());
        try {
            client.open(true);
            if (answers) {
                MatrixCells.echo(client);
            }
            client.sendEvent(new Message("before"));
            Shared.MEETING.arriveAndAwaitAdvance();
            client.sendEvent(new Message("after"));
            if (answers) {
                MatrixCells.call(new DirectMethodsClient(owner), id);
            }
        } finally {
            Shared.MEETING.arriveAndDeregister();
            Hub.close(client::close);
        }
    }
}
