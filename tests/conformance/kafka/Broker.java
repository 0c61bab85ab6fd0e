/* Broker.java PROPERTIES TOPIC:PARTITIONS[:MAX_BYTES]... - a Kafka broker that is its own controller (KRaft), with
 * these topics; prints "ready" when they are there. */
import java.io.FileInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.TopicExistsException;

public class Broker {
    public static void main(String[] words) throws Exception {
        Properties properties = new Properties();
        properties.load(new FileInputStream(words[0]));
        if (!Files.exists(Path.of(properties.getProperty("log.dirs"), "meta.properties"))) {
            kafka.tools.StorageTool.execute(new String[] {"format", "-t", Uuid.randomUuid().toString(), "-c", words[0],
                "--add-scram", "SCRAM-SHA-256=[name=azimuth,password=secret]",
                "--add-scram", "SCRAM-SHA-512=[name=azimuth,password=secret]"}, System.err);
        }
        Thread topics = new Thread(() -> makeTopics(properties.getProperty("plain"), words));
        topics.setDaemon(true);
        topics.start();
        kafka.Kafka.main(new String[] {words[0]});
    }

    /* On a busy machine a broker that was killed takes its time: whoever waits for it knows for how long. */
    static void makeTopics(String servers, String[] words) {
        while (!madeTopics(servers, words)) {
            try {
                Thread.sleep(500);
            } catch (InterruptedException error) {
                return;
            }
        }
        System.out.println("ready");
    }

    static boolean madeTopics(String servers, String[] words) {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers, "default.api.timeout.ms", "60000"))) {
            for (int i = 1; i < words.length; i++) {
                String[] parts = words[i].split(":");
                NewTopic topic = new NewTopic(parts[0], Integer.parseInt(parts[1]), (short) 1);
                if (parts.length > 2) {
                    topic.configs(Map.of("max.message.bytes", parts[2]));
                }
                make(admin, topic);
            }
            return true;
        } catch (Exception error) {
            System.err.println(error);
            return false;
        }
    }

    static void make(Admin admin, NewTopic topic) throws Exception {
        try {
            admin.createTopics(List.of(topic)).all().get();
        } catch (ExecutionException error) {
            if (!(error.getCause() instanceof TopicExistsException)) {
                throw error;
            }
        }
    }
}
