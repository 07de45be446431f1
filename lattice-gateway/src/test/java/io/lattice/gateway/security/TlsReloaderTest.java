package io.lattice.gateway.security;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.X509KeyManager;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class TlsReloaderTest {
    private static final Duration INTERVAL = Duration.ofMillis(20);

    @TempDir Path directory;

    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final Logger logger = (Logger) LoggerFactory.getLogger(TlsReloader.class);
    private final List<TlsMaterial> swapped = new CopyOnWriteArrayList<>();
    private TlsFiles used;
    private TlsFiles next;
    private TlsReloader reloader;

    @BeforeEach
    void start() throws IOException {
        DevCertificates ca = DevCertificates.createCa(directory, Instant.now());
        used = ca.createServer("used", "n1", "localhost");
        next = ca.createServer("next", "n1", "localhost");
        log.list = new CopyOnWriteArrayList<>();
        log.start();
        logger.addAppender(log);
        reloader = new TlsReloader(INTERVAL);
        reloader.follow("port", used, material -> swapped::add);
        reloader.start();
    }

    @AfterEach
    void stop() {
        reloader.close();
        logger.detachAppender(log);
    }

    @Test
    void takesUpARenamedPair() throws IOException {
        rename(next.chain(), used.chain());
        rename(next.key(), used.key());

        Awaitility.await().until(() -> !swapped.isEmpty());
        assertThat(swapped.getLast().chain()).isEqualTo(TlsMaterial.load(used).chain());
        assertThat(errors()).isEmpty();
    }

    @Test
    void keepsWhatItHadAndSaysWhichFileIsBroken() throws IOException {
        rename(next.chain(), used.chain());

        Awaitility.await().until(() -> !errors().isEmpty());
        assertThat(swapped).isEmpty();
        assertThat(errors())
                .singleElement()
                .asString()
                .contains("port", used.key().toString(), "not the certificate's key");

        rename(next.key(), used.key());

        Awaitility.await().until(() -> !swapped.isEmpty());
        assertThat(errors()).hasSize(1);
    }

    @Test
    void aMissingFileIsBroken() throws IOException {
        Files.delete(used.key());

        Awaitility.await().until(() -> !errors().isEmpty());
        assertThat(errors()).singleElement().asString().contains("does not exist");
        assertThat(swapped).isEmpty();
    }

    @Test
    void managersGiveAHandshakeOnePair() throws IOException {
        TlsMaterial first = TlsMaterial.load(used);
        TlsMaterial second = TlsMaterial.load(next);
        SwappableTls tls = new SwappableTls(first);
        X509KeyManager keys = tls.keyManager();
        String chosen = keys.chooseServerAlias("EC", null, null);

        tls.swap(second);

        assertThat(keys.getPrivateKey(chosen)).isEqualTo(first.key());
        assertThat(keys.getCertificateChain(chosen)[0]).isEqualTo(first.chain().getFirst());
        String after = keys.chooseServerAlias("EC", null, null);
        assertThat(keys.getPrivateKey(after)).isEqualTo(second.key());
        assertThat(keys.getCertificateChain(after)[0]).isEqualTo(second.chain().getFirst());
    }

    private List<String> errors() {
        return log.list.stream()
                .filter(event -> event.getLevel().equals(Level.ERROR))
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    private static void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
