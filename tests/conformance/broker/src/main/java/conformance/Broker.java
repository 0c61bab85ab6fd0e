package conformance;

import java.util.List;
import java.util.Set;

import org.apache.activemq.artemis.api.core.QueueConfiguration;
import org.apache.activemq.artemis.api.core.RoutingType;
import org.apache.activemq.artemis.core.config.CoreAddressConfiguration;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.security.CheckType;
import org.apache.activemq.artemis.core.security.Role;
import org.apache.activemq.artemis.core.server.JournalType;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.core.settings.impl.AddressFullMessagePolicy;
import org.apache.activemq.artemis.core.settings.impl.AddressSettings;
import org.apache.activemq.artemis.protocol.amqp.broker.AMQPMessage;
import org.apache.activemq.artemis.protocol.amqp.broker.AmqpInterceptor;
import org.apache.activemq.artemis.spi.core.protocol.RemotingConnection;
import org.apache.activemq.artemis.spi.core.security.ActiveMQSecurityManager;

/**
 * An AMQP broker that is not ours: `Broker PORT DIRECTORY`, Apache Artemis with the queues `orders`, `picky` and
 * `small`, which is full after a few messages, and the topic `news`. Who comes is `send` with `key`. It rejects
 * messages with the property `poison`, prints a line when it listens, and keeps durable messages over a restart.
 */
public final class Broker {
    private static final String USER = "send";
    private static final String PASSWORD = "a2V5";
    private static final int SMALL_BYTES = 4096;

    private Broker() {
    }

    /** One user, who may do everything. */
    private static final class OneUser implements ActiveMQSecurityManager {
        @Override
        public boolean validateUser(String user, String password) {
            return USER.equals(user) && PASSWORD.equals(password);
        }

        @Override
        public boolean validateUserAndRole(String user, String password, Set<Role> roles, CheckType check) {
            return validateUser(user, password);
        }
    }

    /** What Artemis has to look at messages that come; it makes it by its name. */
    public static final class Taste implements AmqpInterceptor {
        @Override
        public boolean intercept(AMQPMessage message, RemotingConnection connection) {
            return !message.containsProperty("poison");
        }
    }

    private static CoreAddressConfiguration address(String name, RoutingType type, String queue) {
        return new CoreAddressConfiguration().setName(name).addRoutingType(type)
            .addQueueConfig(QueueConfiguration.of(queue).setAddress(name).setRoutingType(type));
    }

    public static void main(String[] words) throws Exception {
        String directory = words[1];
        var configuration = new ConfigurationImpl()
            .setJournalType(JournalType.NIO)
            .setJournalDirectory(directory + "/journal")
            .setBindingsDirectory(directory + "/bindings")
            .setLargeMessagesDirectory(directory + "/large")
            .setPagingDirectory(directory + "/paging")
            .setSecurityEnabled(true)
            .setIncomingInterceptorClassNames(List.of(Taste.class.getName()))
            .addAcceptorConfiguration("amqp", "tcp://127.0.0.1:" + words[0] + "?protocols=AMQP")
            .addAddressConfiguration(address("orders", RoutingType.ANYCAST, "orders"))
            .addAddressConfiguration(address("picky", RoutingType.ANYCAST, "picky"))
            .addAddressConfiguration(address("small", RoutingType.ANYCAST, "small"))
            .addAddressConfiguration(address("news", RoutingType.MULTICAST, "news-reader"))
            .addAddressSetting("#", new AddressSettings().setAutoCreateQueues(false).setAutoCreateAddresses(false))
            .addAddressSetting("small", new AddressSettings().setMaxSizeBytes(SMALL_BYTES)
                .setAddressFullMessagePolicy(AddressFullMessagePolicy.FAIL)
                .setAutoCreateQueues(false).setAutoCreateAddresses(false));
        configuration.setMaxDiskUsage(100); // a full disk of this machine is not the matter
        new EmbeddedActiveMQ().setConfiguration(configuration).setSecurityManager(new OneUser()).start();
        System.out.println("ready");
        Thread.sleep(Long.MAX_VALUE);
    }
}
