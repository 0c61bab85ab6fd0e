package conformance;

import static conformance.Check.equal;
import static conformance.Check.failure;
import static conformance.Hub.until;

import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.FileUploadCompletionNotification;
import com.microsoft.azure.sdk.iot.device.FileUploadSasUriRequest;
import com.microsoft.azure.sdk.iot.device.FileUploadSasUriResponse;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubMessageResult;
import com.microsoft.azure.sdk.iot.service.configurations.Configuration;
import com.microsoft.azure.sdk.iot.service.configurations.ConfigurationContent;
import com.microsoft.azure.sdk.iot.service.configurations.ConfigurationsClient;
import com.microsoft.azure.sdk.iot.service.digitaltwin.DigitalTwinClient;
import com.microsoft.azure.sdk.iot.service.digitaltwin.UpdateOperationUtility;
import com.microsoft.azure.sdk.iot.service.digitaltwin.serialization.BasicDigitalTwin;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubNotFoundException;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubPreconditionFailedException;
import com.microsoft.azure.sdk.iot.service.jobs.ScheduledJobStatus;
import com.microsoft.azure.sdk.iot.service.jobs.ScheduledJobType;
import com.microsoft.azure.sdk.iot.service.jobs.ScheduledJobsClient;
import com.microsoft.azure.sdk.iot.service.messaging.FeedbackStatusCode;
import com.microsoft.azure.sdk.iot.service.query.QueryClient;
import com.microsoft.azure.sdk.iot.service.query.QueryPageOptions;
import com.microsoft.azure.sdk.iot.service.query.RawQueryResponse;
import com.microsoft.azure.sdk.iot.service.query.TwinQueryResponse;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.DeviceStatus;
import com.microsoft.azure.sdk.iot.service.registry.Module;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import com.microsoft.azure.sdk.iot.service.twin.Twin;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Date;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/** What iot-service-client does: one case for each row of the services' table. */
public final class Service {
    private static final String GROUP = "java service";
    private static final int THREADS = 6;
    private static final String RUN = "r" + System.currentTimeMillis();
    private static final RegistryClient REGISTRY = Hub.REGISTRY;

    private Service() {}

    private static String id(String what) {
        return "java-service-" + what;
    }

    private static void refused(Class<? extends Exception> how, Check.Body act) {
        equal("the error", failure(act).getClass(), how);
    }

    private static void registry() throws Exception {
        Device made = REGISTRY.addDevice(new Device(id("registry")));
        equal("the key", REGISTRY.getDevice(id("registry")).getPrimaryKey(), made.getPrimaryKey());
        Device stale = REGISTRY.getDevice(id("registry"));
        made.setStatus(DeviceStatus.Disabled);
        equal("the status", REGISTRY.updateDevice(made).getStatus(), DeviceStatus.Disabled);
        refused(IotHubPreconditionFailedException.class, () -> REGISTRY.removeDevice(stale));
        equal("disabled devices are counted", REGISTRY.getStatistics().getDisabledDeviceCount() > 0, true);
        REGISTRY.removeDevice(id("registry"));
        refused(IotHubNotFoundException.class, () -> REGISTRY.getDevice(id("registry")));
    }

    private static void modules() throws Exception {
        REGISTRY.addDevice(new Device(id("modules")));
        for (String name : List.of("a", "b")) {
            REGISTRY.addModule(new Module(id("modules"), name));
        }
        Module one = REGISTRY.getModule(id("modules"), "a");
        equal("that an update gives another etag", REGISTRY.updateModule(one).getETag().equals(one.getETag()), false);
        refused(IotHubPreconditionFailedException.class, () -> REGISTRY.removeModule(one));
        equal("how many there are", REGISTRY.getModulesOnDevice(id("modules")).size(), 2);
        REGISTRY.removeModule(id("modules"), "a");
        refused(IotHubNotFoundException.class, () -> REGISTRY.getModule(id("modules"), "a"));
    }

    private static Twin tagged(String id, String name, Object value) throws Exception {
        Twin twin = new Twin(id);
        twin.getTags().put(name, value);
        return Hub.TWINS.patch(twin);
    }

    private static void twins() throws Exception {
        String id = id("twins");
        REGISTRY.addDevice(new Device(id));
        Twin twin = tagged(id, "floor", 3.0);
        twin.getDesiredProperties().put("n", 1.0);
        Twin newer = Hub.TWINS.patch(twin, twin.getETag());
        equal("what is desired", newer.getDesiredProperties().get("n"), 1.0);
        refused(IotHubPreconditionFailedException.class, () -> Hub.TWINS.patch(twin, "AAAAAAAAAAE="));
        Twin whole = new Twin(id);
        whole.getTags().put("only", "this");
        Hub.TWINS.replace(whole);
        equal("the tags", Hub.TWINS.get(id).getTags().keySet(), Set.of("only"));
        REGISTRY.addModule(new Module(id, "m"));
        equal("the module", Hub.TWINS.get(id, "m").getModuleId(), "m");
    }

    private static void methods() throws Exception {
        String id = id("methods");
        DeviceClient device = Hub.open(Hub.device(id), IotHubClientProtocol.AMQPS);
        MatrixCells.echo(device);
        MatrixCells.call(Hub.METHODS, id);
        Hub.close(device::close);
        refused(IotHubNotFoundException.class, () -> Hub.METHODS.invoke(id("nobody"), "x"));
    }

    /** A device that completes what it gets, or else rejects it. */
    private static DeviceClient receiver(String id, List<String> got, IotHubMessageResult result) throws Exception {
        DeviceClient client = new DeviceClient(Hub.device(id), IotHubClientProtocol.AMQPS, Hub.options());
        client.setMessageCallback((message, context) -> {
            got.add(new String(message.getBytes()) + " " + message.getProperty("p"));
            return result;
        }, null);
        client.open(false);
        return client;
    }

    private static void cloudToDevice() throws Exception {
        List<String> got = new CopyOnWriteArrayList<>();
        DeviceClient client = receiver(id("c2d"), got, IotHubMessageResult.COMPLETE);
        Hub.sendAsking(id("c2d"), "do", Map.of("p", "v"));
        until("it comes", () -> got.equals(List.of("do v")));
        Hub.close(client::close);
    }

    private static void feedback() throws Exception {
        DeviceClient client = receiver(id("feedback"), new CopyOnWriteArrayList<>(), IotHubMessageResult.REJECT);
        Hub.sendAsking(id("feedback"), "do", Map.of());
        equal("what the sender hears", Notices.feedback(id("feedback")).getStatusCode(), FeedbackStatusCode.rejected);
        Hub.close(client::close);
    }

    private static void fileNotifications() throws Exception {
        String id = id("files");
        DeviceClient client = Hub.open(Hub.device(id), IotHubClientProtocol.HTTPS);
        FileUploadSasUriResponse storage = client.getFileUploadSasUri(new FileUploadSasUriRequest("a.txt"));
        HttpClient.newHttpClient().send(HttpRequest.newBuilder(storage.getBlobUri()).header("x-ms-blob-type", "BlockBlob")
            .PUT(HttpRequest.BodyPublishers.ofString("text")).build(), HttpResponse.BodyHandlers.discarding());
        client.completeFileUpload(new FileUploadCompletionNotification(storage.getCorrelationId(), true));
        equal("the size", Notices.file(id).getBlobSizeInBytes(), 4L);
        Hub.close(client::close);
    }

    private static void queries() throws Exception {
        QueryClient client = new QueryClient(Hub.OWNER);
        for (int n = 0; n < 5; n++) {
            REGISTRY.addDevice(new Device(id("query-") + n));
            tagged(id("query-") + n, "query", RUN);
        }
        String where = " WHERE tags.query = '" + RUN + "'";
        QueryPageOptions pages = QueryPageOptions.builder().pageSize(2).build();
        TwinQueryResponse twins = client.queryTwins("SELECT * FROM devices" + where, pages);
        Set<String> found = new HashSet<>();
        while (twins.hasNext()) {
            found.add(twins.next(pages).getDeviceId());
        }
        equal("how many there are", found.size(), 5);
        RawQueryResponse raw = client.queryRaw("SELECT COUNT() AS n FROM devices" + where);
        equal("the count", raw.next(), "{\"n\":5}");
    }

    private static void jobs() throws Exception {
        ScheduledJobsClient jobs = new ScheduledJobsClient(Hub.OWNER);
        String id = id("jobs");
        DeviceClient device = Hub.open(Hub.device(id), IotHubClientProtocol.AMQPS);
        MatrixCells.echo(device);
        Twin update = new Twin();
        update.getTags().put("job", RUN);
        String condition = "deviceId = '" + id + "'";
        jobs.scheduleUpdateTwin(RUN + "-twin", condition, update, new Date(), 60);
        until("the twins are updated", () -> jobs.get(RUN + "-twin").getJobStatus() == ScheduledJobStatus.completed);
        equal("the tag", Hub.TWINS.get(id).getTags().get("job"), RUN);
        jobs.scheduleDirectMethod(RUN + "-method", condition, "echo", new Date());
        until("the methods are called", () -> jobs.get(RUN + "-method").getJobStatus() == ScheduledJobStatus.completed);
        jobs.scheduleUpdateTwin(RUN + "-later", condition, update, new Date(System.currentTimeMillis() + 86400000L), 60);
        equal("the state", jobs.cancel(RUN + "-later").getJobStatus(), ScheduledJobStatus.cancelled);
        String mine = "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = '" + RUN + "-twin'";
        equal("the row", new QueryClient(Hub.OWNER).queryJobs(mine).next().getDeviceId(), id);
        for (ScheduledJobStatus status : ScheduledJobStatus.values()) {
            new QueryClient(Hub.OWNER).queryJobs(ScheduledJobType.scheduleUpdateTwin, status);
        }
        equal("jobs of no type", new QueryClient(Hub.OWNER).queryJobs(ScheduledJobType.unknown, ScheduledJobStatus.completed).hasNext(), false);
        Hub.close(device::close);
    }

    private static void configurations() throws Exception {
        ConfigurationsClient client = new ConfigurationsClient(Hub.OWNER);
        String id = id("configured");
        REGISTRY.addDevice(new Device(id));
        tagged(id, "configuration", RUN);
        Configuration made = new Configuration(RUN);
        ConfigurationContent content = new ConfigurationContent();
        content.setDeviceContent(new HashMap<>(Map.of("properties.desired.chiller", new HashMap<>(Map.of("t", 66.0)))));
        made.setContent(content);
        made.setTargetCondition("tags.configuration = '" + RUN + "'");
        made.setPriority(10);
        client.create(made);
        until("it is applied", () -> Hub.TWINS.get(id).getDesiredProperties().containsKey("chiller"));
        Configuration got = client.get(RUN);
        equal("the condition", got.getTargetCondition(), made.getTargetCondition());
        got.setPriority(11);
        equal("the priority", client.replace(got).getPriority(), 11);
        equal("that it is listed", client.get(20).stream().anyMatch(one -> one.getId().equals(RUN)), true);
        client.delete(RUN);
        refused(IotHubNotFoundException.class, () -> client.get(RUN));
    }

    private static void digitalTwins() throws Exception {
        DigitalTwinClient client = new DigitalTwinClient(Hub.OWNER);
        String id = id("digital"), model = "dtmi:com:example:Thermostat;1";
        DeviceClient device = new DeviceClient(Hub.device(id), IotHubClientProtocol.AMQPS,
            ClientOptions.builder().modelId(model).build());
        device.open(false);
        MatrixCells.echo(device);
        client.updateDigitalTwin(id,
            new UpdateOperationUtility().appendAddPropertyOperation("/target", 21).getUpdateOperations());
        BasicDigitalTwin twin = client.getDigitalTwin(id, BasicDigitalTwin.class);
        equal("the model", twin.getMetadata().getModelId(), model);
        equal("the property", twin.getCustomProperties().get("target"), 21);
        equal("the answer", client.invokeCommand(id, "echo", "\"hello\"").getPayload(String.class), "\"hello\"");
        Hub.close(device::close);
    }

    private static Check cases() {
        return new Check().add("configurations", Service::configurations)
            .add("jobs", Service::jobs)
            .add("import and export", Transfers::run)
            .add("registry", Service::registry)
            .add("modules", Service::modules)
            .add("twins", Service::twins)
            .add("methods", Service::methods)
            .add("C2D", Service::cloudToDevice)
            .add("feedback", Service::feedback)
            .add("file notifications", Service::fileNotifications)
            .add("query", Service::queries)
            .add("digital twins", Service::digitalTwins);
    }

    public static void main(String[] args) throws Exception {
        Notices.start();
        System.exit(cases().runSideBySide(GROUP, THREADS) ? 0 : 1);
    }
}
