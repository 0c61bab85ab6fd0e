package conformance;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import tss.TpmFactory;

/**
 * A TPM of its own for whoever connects: Debian's swtpm, as tss.TpmFactory finds one. TSS.Java speaks the framing of
 * Microsoft's simulator with two bytes more, which a resource manager once wanted; swtpm takes the bare commands of a
 * TPM: between both stands the relay below, which adds and removes that framing and nothing else.
 */
final class Tpms {
    private static final int SEND_COMMAND = 8;
    private static final int BESIDE_LENGTH = 3; // locality, debug, sent
    private static final int HEAD = 10; // of a TPM's answer: tag, length, code
    private static final int TRIES_MAX = 1200;

    private Tpms() {
    }

    /** Is there what it takes? */
    static boolean canBeHad() {
        return Files.isExecutable(Path.of("/usr/bin/swtpm"));
    }

    /** From now on, until the program ends. */
    static void serve() throws IOException {
        ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        TpmFactory.listensAt(server.getLocalPort());
        begin(() -> {
            for (;;) {
                Socket client = server.accept();
                begin(() -> relay(client));
            }
        });
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void begin(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception error) {
                System.err.println("a TPM: " + error);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static SocketChannel connect(Path place) throws IOException, InterruptedException {
        for (int tries = 1;; tries++) {
            try {
                return SocketChannel.open(UnixDomainSocketAddress.of(place));
            } catch (IOException error) {
                if (tries == TRIES_MAX) {
                    throw error;
                }
                Thread.sleep(50);
            }
        }
    }

    /** A TPM that nobody has used; it ends with its client, or with this program. */
    private static void relay(Socket client) throws Exception {
        Path folder = Files.createTempDirectory("azimuth-tpm-");
        Path place = folder.resolve("socket");
        Process program = new ProcessBuilder("swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + folder, "--server",
            "type=unixio,path=" + place, "--flags", "not-need-init,startup-clear")
            .redirectError(ProcessBuilder.Redirect.DISCARD).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        Thread end = new Thread(program::destroy);
        Runtime.getRuntime().addShutdownHook(end);
        try (client; SocketChannel tpm = connect(place)) {
            DataInputStream said = new DataInputStream(client.getInputStream());
            DataOutputStream answer = new DataOutputStream(client.getOutputStream());
            DataInputStream from = new DataInputStream(Channels.newInputStream(tpm));
            OutputStream to = Channels.newOutputStream(tpm);
            while (said.readInt() == SEND_COMMAND) {
                said.skipNBytes(BESIDE_LENGTH);
                to.write(said.readNBytes(said.readInt()));
                tell(answer, from);
            }
        } finally {
            program.destroy();
            program.waitFor();
            try (var files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder()).forEach(one -> one.toFile().delete());
            }
        }
    }

    /** The length of an answer is in its third to sixth byte. */
    private static void tell(DataOutputStream answer, DataInputStream from) throws IOException {
        byte[] head = from.readNBytes(HEAD);
        int length = new DataInputStream(new java.io.ByteArrayInputStream(head, 2, 4)).readInt();
        answer.writeInt(length);
        answer.write(head);
        answer.write(from.readNBytes(length - HEAD));
        answer.writeInt(0);
        answer.flush();
    }
}
