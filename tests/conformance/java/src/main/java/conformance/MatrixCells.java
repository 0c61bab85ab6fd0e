package conformance;

import static conformance.Check.equal;
import static conformance.Hub.ANSWER_MS_MAX;
import static conformance.Hub.again;
import static conformance.Hub.until;

import com.azure.messaging.eventhubs.EventData;
import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.FileUploadCompletionNotification;
import com.microsoft.azure.sdk.iot.device.FileUploadSasUriRequest;
import com.microsoft.azure.sdk.iot.device.FileUploadSasUriResponse;
import com.microsoft.azure.sdk.iot.device.InternalClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubMessageResult;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.ModuleClient;
import com.microsoft.azure.sdk.iot.device.twin.TwinCollection;
import com.microsoft.azure.sdk.iot.service.auth.AuthenticationType;
import com.microsoft.azure.sdk.iot.service.messaging.FeedbackStatusCode;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodRequestOptions;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodResponse;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodsClient;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.twin.Twin;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** What the matrix asks of every protocol. */
final class MatrixCells {
    /** Where a case is at home. */
    record Cell(String transport, IotHubClientProtocol protocol) {
        /** An id that no other cell has. */
        String id(String what) {
            return "matrix-java-" + what + "-" + transport.toLowerCase();
        }
    }

    interface Body {
        void run(Cell cell) throws Exception;
    }

    interface Use {
        void run(DeviceClient client, String deviceId) throws Exception;
    }

    record Capability(String name, Body body) {
        Check.Body of(Cell cell) {
            return () -> body.run(cell);
        }
    }

    private MatrixCells() {}

    /** Those that wait come first. */
    static List<Capability> capabilities() {
        return List.of(
            new Capability("restart", Lasting::restart),
            new Capability("SAS renewal", Lasting::renewal),
            new Capability("telemetry", MatrixCells::telemetry),
            new Capability("C2D complete", cell -> settled(cell, IotHubMessageResult.COMPLETE, FeedbackStatusCode.success)),
            new Capability("C2D reject", cell -> settled(cell, IotHubMessageResult.REJECT, FeedbackStatusCode.rejected)),
            new Capability("C2D abandon", MatrixCells::abandoned),
            new Capability("twin get", MatrixCells::twinGet),
            new Capability("twin reported", MatrixCells::twinReported),
            new Capability("twin desired", MatrixCells::twinDesired),
            new Capability("methods", MatrixCells::methods),
            new Capability("file upload", MatrixCells::fileUpload),
            new Capability("modules", MatrixCells::modules),
            new Capability("X.509 thumbprint", MatrixCells::byThumbprint),
            new Capability("X.509 CA", MatrixCells::byAuthority));
    }

    /** With a new device that is connected over the protocol. */
    private static void withDevice(Cell cell, String what, Use use) throws Exception {
        String id = cell.id(what);
        DeviceClient client = Hub.open(Hub.device(id), cell.protocol);
        try {
            use.run(client, id);
        } finally {
            Hub.close(client::close);
        }
    }

    private static void telemetry(Cell cell) throws Exception {
        withDevice(cell, "telemetry", (client, id) -> {
            Message message = new Message("{\"t\":21.5}");
            message.setMessageId("m 1");
            message.setContentType("application/json");
            message.setContentEncoding("utf-8");
            message.setProperty("kind", "a&b=c");
            client.sendEvent(message);
            EventData event = Stream.first(id);
            equal("the body", event.getBodyAsString(), "{\"t\":21.5}");
            equal("the property", event.getProperties().get("kind"), "a&b=c");
            equal("the id", event.getMessageId(), "m 1");
            equal("the content type", event.getContentType(), "application/json");
        });
    }

    /** A connected device that settles what it gets: the bodies it got so far are those of `got`. */
    private static DeviceClient receiver(Cell cell, String id, List<String> got, IotHubMessageResult first)
        throws Exception {
        DeviceClient client = new DeviceClient(Hub.device(id), cell.protocol, Hub.options());
        client.setMessageCallback((message, context) -> {
            got.add(new String(message.getBytes()) + " " + message.getProperty("p"));
            return got.size() == 1 ? first : IotHubMessageResult.COMPLETE;
        }, null);
        client.open(false);
        return client;
    }

    private static void settled(Cell cell, IotHubMessageResult result, FeedbackStatusCode told) throws Exception {
        String id = cell.id("c2d-" + result.name().toLowerCase());
        List<String> got = new CopyOnWriteArrayList<>();
        DeviceClient client = receiver(cell, id, got, result);
        Hub.sendAsking(id, "do", Map.of("p", "v"));
        equal("what the sender is told", Notices.feedback(id).getStatusCode(), told);
        equal("what came", got, List.of("do v"));
        Hub.close(client::close);
    }

    private static void abandoned(Cell cell) throws Exception {
        String id = cell.id("c2d-abandon");
        List<String> got = new CopyOnWriteArrayList<>();
        DeviceClient client = receiver(cell, id, got, IotHubMessageResult.ABANDON);
        Hub.sendAsking(id, "again", Map.of("p", "v"));
        equal("what the sender is told", Notices.feedback(id).getStatusCode(), FeedbackStatusCode.success);
        equal("what came", got, List.of("again v", "again v"));
        Hub.close(client::close);
    }

    private static void desire(String id, String name, Object value) throws Exception {
        Twin change = new Twin(id);
        change.getDesiredProperties().put(name, value);
        Hub.TWINS.patch(change);
    }

    private static void twinGet(Cell cell) throws Exception {
        withDevice(cell, "twin-get", (client, id) -> {
            desire(id, "level", Map.of("low", 1.0));
            client.subscribeToDesiredProperties((change, context) -> { }, null);
            TwinCollection desired = again(() -> client.getTwin(ANSWER_MS_MAX)).getDesiredProperties();
            equal("the level", ((Map<?, ?>) desired.get("level")).get("low"), 1.0);
            equal("the version", desired.getVersion(), 2);
        });
    }

    private static void twinReported(Cell cell) throws Exception {
        withDevice(cell, "twin-reported", (client, id) -> {
            client.subscribeToDesiredProperties((change, context) -> { }, null);
            TwinCollection reported = new TwinCollection();
            reported.put("fan", Map.of("speed", 1.5));
            again(() -> client.updateReportedProperties(reported, ANSWER_MS_MAX));
            Object fan = Hub.TWINS.get(id).getReportedProperties().get("fan");
            equal("the speed", ((Map<?, ?>) fan).get("speed"), 1.5);
        });
    }

    private static void twinDesired(Cell cell) throws Exception {
        withDevice(cell, "twin-desired", (client, id) -> {
            List<Object> heard = new CopyOnWriteArrayList<>();
            client.subscribeToDesiredProperties((change, context) ->
                heard.add(change.getDesiredProperties().get("n")), null);
            for (double n = 0; n < 3; n++) {
                desire(id, "n", n);
            }
            until("the changes come", () -> heard.equals(List.of(0.0, 1.0, 2.0)));
        });
    }

    /** Answers every method from now on with 207 and what it got. */
    static void echo(InternalClient client) throws Exception {
        client.subscribeToMethods((method, payload, context) ->
            new com.microsoft.azure.sdk.iot.device.twin.DirectMethodResponse(207, payload.getPayload(String.class)), null);
    }

    private static final DirectMethodRequestOptions CALL = DirectMethodRequestOptions.builder().payload("ü").build();

    private static void isEcho(DirectMethodResponse answer) {
        equal("the status", answer.getStatus(), 207);
        equal("the answer", answer.getPayload(String.class), "ü");
    }

    static void call(DirectMethodsClient methods, String id) throws Exception {
        isEcho(methods.invoke(id, "echo", CALL));
    }

    private static void methods(Cell cell) throws Exception {
        withDevice(cell, "methods", (client, id) -> {
            echo(client);
            call(Hub.METHODS, id);
        });
    }

    private static void fileUpload(Cell cell) throws Exception {
        withDevice(cell, "upload", (client, id) -> {
            byte[] bytes = new byte[300000];
            FileUploadSasUriResponse storage = client.getFileUploadSasUri(new FileUploadSasUriRequest("logs/today.txt"));
            HttpRequest put = HttpRequest.newBuilder(storage.getBlobUri()).header("x-ms-blob-type", "BlockBlob")
                .PUT(HttpRequest.BodyPublishers.ofByteArray(bytes)).build();
            int status = HttpClient.newHttpClient().send(put, HttpResponse.BodyHandlers.discarding()).statusCode();
            equal("the status of the upload", status, 201);
            client.completeFileUpload(new FileUploadCompletionNotification(storage.getCorrelationId(), true));
            equal("the name", Notices.file(id).getBlobName(), id + "/logs/today.txt");
            equal("the size", Notices.file(id).getBlobSizeInBytes(), (long) bytes.length);
        });
    }

    private static void modules(Cell cell) throws Exception {
        String id = cell.id("modules");
        Hub.device(id);
        ModuleClient client = new ModuleClient(Hub.module(id, "worker"), cell.protocol, Hub.options());
        client.open(false);
        client.sendEvent(new Message("x"), "out");
        equal("the module", Hub.stamp(Stream.first(id), "iothub-connection-module-id"), "worker");
        client.subscribeToDesiredProperties((change, context) -> { }, null);
        TwinCollection reported = new TwinCollection();
        reported.put("n", 1.0);
        again(() -> client.updateReportedProperties(reported, ANSWER_MS_MAX));
        equal("what was reported", Hub.TWINS.get(id, "worker").getReportedProperties().get("n"), 1.0);
        echo(client);
        isEcho(Hub.METHODS.invoke(id, "worker", "echo", CALL));
        Hub.close(client::close);
    }

    /** A device that shows the certificate of its name sends. */
    private static void sendsWithCertificate(Cell cell, String id) throws Exception {
        ClientOptions options = ClientOptions.builder().receiveInterval(500).sslContext(Certificates.context(id)).build();
        String string = "HostName=" + Hub.HOST + ";DeviceId=" + id + ";x509=true";
        DeviceClient client = new DeviceClient(string, cell.protocol, options);
        client.open(false);
        client.sendEvent(new Message("{}"));
        String how = Hub.stamp(Stream.first(id), "iothub-connection-auth-method");
        equal("a certificate in " + how, how.contains("\"type\":\"x509\""), true);
        Hub.close(client::close);
    }

    private static void byThumbprint(Cell cell) throws Exception {
        String id = cell.id("thumbprint");
        Certificates.issue(id, id);
        Device device = new Device(id, AuthenticationType.SELF_SIGNED);
        device.setThumbprint(Certificates.thumbprint(id), Certificates.thumbprint(id));
        Hub.REGISTRY.addDevice(device);
        sendsWithCertificate(cell, id);
    }

    private static void byAuthority(Cell cell) throws Exception {
        String id = cell.id("authority");
        Hub.REGISTRY.addDevice(new Device(id, AuthenticationType.CERTIFICATE_AUTHORITY));
        Certificates.withAuthority(id, () -> sendsWithCertificate(cell, id));
    }
}
