package conformance;

import com.microsoft.azure.sdk.iot.service.messaging.AcknowledgementType;
import com.microsoft.azure.sdk.iot.service.messaging.FeedbackRecord;
import com.microsoft.azure.sdk.iot.service.messaging.FileUploadNotification;
import com.microsoft.azure.sdk.iot.service.messaging.FileUploadNotificationProcessorClient;
import com.microsoft.azure.sdk.iot.service.messaging.IotHubServiceClientProtocol;
import com.microsoft.azure.sdk.iot.service.messaging.MessageFeedbackProcessorClient;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What a service is told, by device: feedback of messages, files that are there. */
final class Notices {
    private static final Map<String, FeedbackRecord> FEEDBACK = new ConcurrentHashMap<>();
    private static final Map<String, FileUploadNotification> FILES = new ConcurrentHashMap<>();

    private Notices() {}

    static void start() throws Exception {
        new MessageFeedbackProcessorClient(Hub.OWNER, IotHubServiceClientProtocol.AMQPS, batch -> {
            batch.getRecords().forEach(record -> FEEDBACK.put(record.getDeviceId(), record));
            return AcknowledgementType.COMPLETE;
        }).start();
        new FileUploadNotificationProcessorClient(Hub.OWNER, IotHubServiceClientProtocol.AMQPS, file -> {
            FILES.put(file.getDeviceId(), file);
            return AcknowledgementType.COMPLETE;
        }).start();
    }

    static FeedbackRecord feedback(String deviceId) throws Exception {
        Hub.until("feedback of " + deviceId + " comes", () -> FEEDBACK.containsKey(deviceId));
        return FEEDBACK.get(deviceId);
    }

    static FileUploadNotification file(String deviceId) throws Exception {
        Hub.until("a file of " + deviceId + " is told of", () -> FILES.containsKey(deviceId));
        return FILES.get(deviceId);
    }
}
