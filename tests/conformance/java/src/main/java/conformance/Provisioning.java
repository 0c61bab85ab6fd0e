package conformance;

import static conformance.Check.equal;
import static conformance.Hub.ANSWER_MS_MAX;
import static conformance.Hub.again;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.transport.NoRetry;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClient;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClientRegistrationResult;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClientTransportProtocol;
import com.microsoft.azure.sdk.iot.provisioning.device.internal.exceptions.ProvisioningDeviceClientException;
import com.microsoft.azure.sdk.iot.provisioning.security.SecurityProvider;
import com.microsoft.azure.sdk.iot.provisioning.security.SecurityProviderSymmetricKey;
import com.microsoft.azure.sdk.iot.provisioning.security.hsm.SecurityProviderTPMHsm;
import com.microsoft.azure.sdk.iot.provisioning.security.hsm.SecurityProviderX509Cert;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeoutException;

/**
 * Every attestation over every transport of provisioning-device-client: the device registers, connects to the hub
 * that it is told of over the same transport with the same security provider, sends, and sees its initial twin.
 * One case each, named TRANSPORT: ATTESTATION; five are under way at once, for the client waits between its questions.
 */
public final class Provisioning {
    private static final String[] TWIN = {"--tags", "{\"site\":\"north\"}", "--props", "{\"interval\":7}"};
    private static final String ROOT = "java-provisioning-root";
    private static final int REGISTRATION_MS_MAX = 20000; // for one try
    private static final int TRIES_MAX = 3;
    private static final String GROUP = "java provisioning matrix";
    private static final String TPM = "TPM";

    /** Enrolls a device, and gives what it shows. */
    private interface Attestation {
        SecurityProvider enroll(String id) throws Exception;
    }

    private final Path folder;

    private Provisioning(Path folder) {
        this.folder = folder;
    }

    private static Map<String, ProvisioningDeviceClientTransportProtocol> transports() {
        Map<String, ProvisioningDeviceClientTransportProtocol> all = new LinkedHashMap<>();
        all.put("MQTT", ProvisioningDeviceClientTransportProtocol.MQTT);
        all.put("MQTT-WS", ProvisioningDeviceClientTransportProtocol.MQTT_WS);
        all.put("AMQP", ProvisioningDeviceClientTransportProtocol.AMQPS);
        all.put("AMQP-WS", ProvisioningDeviceClientTransportProtocol.AMQPS_WS);
        all.put("HTTPS", ProvisioningDeviceClientTransportProtocol.HTTPS);
        return all;
    }

    private Map<String, Attestation> attestations() {
        Map<String, Attestation> all = new LinkedHashMap<>();
        all.put("symmetric", this::individualKey);
        all.put("symmetric, group", this::groupKey);
        all.put("X.509", this::individualCertificate);
        all.put("X.509 group by CA", this::groupCertificate);
        all.put(TPM, this::tpm);
        return all;
    }

    // ---- programs

    private static byte[] run(List<String> call) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(call).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        byte[] said = process.getInputStream().readAllBytes();
        if (process.waitFor() != 0) {
            throw new IOException(call + " ended with " + process.exitValue());
        }
        return said;
    }

    private static JsonNode azimuth(String[] more, String... words) throws IOException, InterruptedException {
        List<String> call = new ArrayList<>(List.of(System.getenv("AZIMUTH"), "dps"));
        call.addAll(List.of(words));
        call.addAll(List.of(more));
        call.addAll(List.of("--data", System.getenv("HUB_DATA"), "-o", "json"));
        return new ObjectMapper().readTree(run(call));
    }

    private void issue(String... words) throws IOException, InterruptedException {
        List<String> call = new ArrayList<>(List.of(System.getenv("HUB_ISSUE"), folder.toString()));
        call.addAll(List.of(words));
        run(call);
    }

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    // ---- the attestations

    private static byte[] primaryKey(JsonNode enrollment) {
        String text = enrollment.at("/attestation/symmetricKey/primaryKey").textValue();
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private SecurityProvider individualKey(String id) throws Exception {
        return new SecurityProviderSymmetricKey(primaryKey(azimuth(TWIN, "enrollment", "create", "--eid", id)), id);
    }

    private SecurityProvider groupKey(String id) throws Exception {
        byte[] group = primaryKey(azimuth(TWIN, "enrollment-group", "create", "--gid", id + "-line"));
        byte[] key = SecurityProviderSymmetricKey.ComputeDerivedSymmetricKey(group, id);
        return new SecurityProviderSymmetricKey(key, id);
    }

    private SecurityProvider individualCertificate(String id) throws Exception {
        issue(id, id);
        azimuth(TWIN, "enrollment", "create", "--eid", id, "--at", "x509", "--cp", file(id + ".pem"));
        return certificate(id);
    }

    private SecurityProvider groupCertificate(String id) throws Exception {
        String line = id + "-line";
        issue(line, "Line of " + id, ROOT, "ca");
        issue(id, id, line);
        azimuth(TWIN, "enrollment-group", "create", "--gid", line, "--cp", file(line + ".pem"));
        return certificate(id);
    }

    /** The client for devices with a TPM finds another one each time it looks for the machine's own. */
    private SecurityProvider tpm(String id) throws Exception {
        SecurityProviderTPMHsm security = new SecurityProviderTPMHsm(id);
        String key = Base64.getEncoder().encodeToString(security.getEndorsementKey());
        azimuth(TWIN, "enrollment", "create", "--eid", id, "--at", "tpm", "--ek", key);
        return security;
    }

    private SecurityProvider certificate(String id) throws Exception {
        List<X509Certificate> chain = new ArrayList<>();
        try (InputStream in = Files.newInputStream(folder.resolve(id + ".chain.pem"))) {
            CertificateFactory.getInstance("X.509").generateCertificates(in).forEach(one -> chain.add((X509Certificate) one));
        }
        byte[] key = run(List.of("openssl", "pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", file(id + ".key")));
        PrivateKey secret = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(key));
        return new SecurityProviderX509Cert(chain.get(0), secret, chain.subList(1, chain.size()));
    }

    // ---- one cell

    /** HTTPS has no twins: there a service looks. */
    private static double interval(DeviceClient device, String id, IotHubClientProtocol protocol) throws Exception {
        Object value;
        if (protocol == IotHubClientProtocol.HTTPS) {
            value = Hub.TWINS.get(id).getDesiredProperties().get("interval");
        } else {
            device.subscribeToDesiredProperties((change, context) -> { }, null);
            value = again(() -> device.getTwin(ANSWER_MS_MAX)).getDesiredProperties().get("interval");
        }
        return ((Number) value).doubleValue();
    }

    /**
     * Asks again when the client lost the answer: ContractAPIMqtt.executeProvisioningMessage begins to wait for it after
     * it has published, and waits in vain for one that came meanwhile.
     */
    private static ProvisioningDeviceClientRegistrationResult register(
            ProvisioningDeviceClientTransportProtocol transport, SecurityProvider security) throws Exception {
        for (int tries = 1;; tries++) {
            var client = ProvisioningDeviceClient.create(Hub.HOST, System.getenv("HUB_ID_SCOPE"), transport, security);
            try {
                return client.registerDeviceSync(REGISTRATION_MS_MAX);
            } catch (ProvisioningDeviceClientException error) {
                boolean lost = error.getMessage().startsWith("Timed out") || error.getCause() instanceof TimeoutException;
                if (tries == TRIES_MAX || !lost) {
                    throw error;
                }
            } finally {
                client.close();
            }
        }
    }

    private Void cell(String id, ProvisioningDeviceClientTransportProtocol transport, Attestation how) throws Exception {
        SecurityProvider security = how.enroll(id);
        var result = register(transport, security);
        equal("the status", result.getProvisioningDeviceClientStatus().toString(), "PROVISIONING_DEVICE_STATUS_ASSIGNED");
        equal("the device", result.getDeviceId(), id);
        equal("the hub", result.getIothubUri(), Hub.HOST);

        IotHubClientProtocol protocol = IotHubClientProtocol.valueOf(transport.name());
        DeviceClient device = new DeviceClient(result.getIothubUri(), result.getDeviceId(), security, protocol);
        device.setRetryPolicy(new NoRetry());
        device.open(false);
        device.sendEvent(new Message("{\"n\":1}"));
        equal("the interval", interval(device, id, protocol), 7.0);
        Hub.close(device::close);
        return null;
    }

    private static void await(Future<Void> ran) throws Exception {
        try {
            ran.get();
        } catch (ExecutionException error) {
            throw error.getCause() instanceof Exception why ? why : error;
        }
    }

    /** All begin together. */
    private Check begin(ExecutorService pool) {
        Check check = new Check();
        transports().forEach((name, transport) -> {
            int[] number = {0};
            attestations().forEach((attestation, how) -> {
                String id = ("java-" + name + "-" + number[0]++).toLowerCase();
                if (attestation.equals(TPM) && name.startsWith("MQTT")) {
                    Check.notOffered(GROUP, name + ": " + TPM, "ContractAPIMqtt.requestNonceForTPM throws "
                        + "UnsupportedOperationException, nor has the service TPMs over MQTT");
                    return;
                }
                if (attestation.equals(TPM) && !Tpms.canBeHad()) {
                    Check.skipped(GROUP, name + ": " + TPM, "swtpm is not installed");
                    return;
                }
                Future<Void> ran = pool.submit(() -> cell(id, transport, how));
                check.add(name + ": " + attestation, () -> await(ran));
            });
        });
        return check;
    }

    public static void main(String[] args) throws Exception {
        Provisioning all = new Provisioning(Files.createTempDirectory("azimuth-provisioning-"));
        ExecutorService pool = Executors.newFixedThreadPool(5);
        all.issue(ROOT, "Java Provisioning Root", "self", "ca");
        azimuth(new String[0], "certificate", "create", "-n", "java-provisioning", "-p", all.file(ROOT + ".pem"), "--verified");
        if (Tpms.canBeHad()) {
            Tpms.serve();
        }
        boolean good = all.begin(pool).runAll(GROUP);
        try (var files = Files.list(all.folder)) {
            files.forEach(one -> one.toFile().delete());
        }
        Files.delete(all.folder);
        System.exit(good ? 0 : 1);
    }
}
