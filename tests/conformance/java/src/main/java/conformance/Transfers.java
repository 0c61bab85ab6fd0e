package conformance;

import static conformance.Check.equal;
import static conformance.Hub.until;

import com.microsoft.azure.sdk.iot.service.exceptions.IotHubException;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import com.microsoft.azure.sdk.iot.service.registry.RegistryJob;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Fleets in and out with RegistryClient, by way of the hub's own container. */
final class Transfers {
    private static final RegistryClient REGISTRY = Hub.REGISTRY;
    private static final String ID = "java-service-transfer-";

    private Transfers() {}

    /** The signed URI of the hub's own container; its administrator is told, on the server's socket. */
    private static String container() throws Exception {
        Path socket = Path.of(System.getenv("HUB_DATA"), "azimuth.sock");
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            channel.write(StandardCharsets.US_ASCII.encode("POST /admin/v1/container/uri HTTP/1.1\r\n"
                + "Host: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
            ByteBuffer answer = ByteBuffer.allocate(65536);
            while (channel.read(answer) >= 0 && answer.hasRemaining()) {
                // until it is closed
            }
            Matcher found = Pattern.compile("\"uri\":\"([^\"]+)\"")
                .matcher(StandardCharsets.US_ASCII.decode(answer.flip()));
            equal("that there is a container", found.find(), true);
            return found.group(1);
        }
    }

    private static HttpRequest.Builder blob(String container, String name) {
        int query = container.indexOf('?');
        return HttpRequest.newBuilder(URI.create(container.substring(0, query) + "/" + name + container.substring(query)));
    }

    private static String read(String container, String name) throws Exception {
        return HttpClient.newHttpClient().send(blob(container, name).GET().build(),
            HttpResponse.BodyHandlers.ofString()).body();
    }

    private static void write(String container, String name, String text) throws Exception {
        HttpRequest put = blob(container, name).header("x-ms-blob-type", "BlockBlob")
            .PUT(HttpRequest.BodyPublishers.ofString(text)).build();
        equal("the status", HttpClient.newHttpClient().send(put, HttpResponse.BodyHandlers.discarding()).statusCode(), 201);
    }

    /** One at a time, and another group's may be under way. */
    private static RegistryJob done(Callable<RegistryJob> begin) throws Exception {
        RegistryJob[] job = new RegistryJob[1];
        until("a job can begin", () -> {
            try {
                job[0] = begin.call();
                return true;
            } catch (IotHubException error) {
                if (!error.getMessage().contains("JobQuotaExceeded") && !error.getMessage().contains("job")) {
                    throw error;
                }
                return false;
            }
        });
        String id = job[0].getJobId();
        until("it ends", () -> REGISTRY.getJob(id).getStatus() == RegistryJob.JobStatus.COMPLETED);
        return REGISTRY.getJob(id);
    }

    /** Out, away, and in again. */
    static void run() throws Exception {
        String container = container();
        for (int n = 0; n < 3; n++) {
            REGISTRY.addDevice(new Device(ID + n));
        }
        String key = REGISTRY.getDevice(ID + 0).getPrimaryKey();
        equal("the progress", done(() -> REGISTRY.exportDevices(container, false)).getProgress(), 100);
        List<String> mine = new ArrayList<>(read(container, "devices.txt").lines()
            .filter(line -> line.contains("\"" + ID)).toList());
        equal("how many lines there are", mine.size(), 3);
        for (int n = 0; n < 3; n++) {
            REGISTRY.removeDevice(ID + n);
        }
        write(container, "devices.txt", String.join("\n", mine) + "\n");
        done(() -> REGISTRY.importDevices(container, container));
        equal("the key", REGISTRY.getDevice(ID + 0).getPrimaryKey(), key);
        equal("what went wrong", read(container, "importErrors.log").strip(), "");
        done(() -> REGISTRY.exportDevices(RegistryJob.createForExportJob(container, true)));
        equal("that there is a key", read(container, "devices.txt").contains(key), false);
    }
}
