package io.lattice.gateway.security;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks at the TLS files of a node's ports every few seconds and hands on what is in them when it has changed and is sound.
/// Contents are compared rather than times, which a restored or renamed file may keep.
///
/// Certificate and key are two files, so a rotation can be seen half done: what is broken is reported once it has stayed
/// the same for two looks, and the port keeps what it had.
///
/// All looks run on one thread of its own; files are registered before [#start].
public final class TlsReloader implements AutoCloseable {
    /// Between two looks. Two of them are far below the 30 s that a rotation may take.
    public static final Duration INTERVAL = Duration.ofSeconds(4);

    private static final Logger LOG = LoggerFactory.getLogger(TlsReloader.class);

    private final Duration interval;
    private final List<Watched> watched = new ArrayList<>();
    private final ScheduledExecutorService thread =
            Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().name("lattice-tls").daemon().factory());

    /// Where sound material goes.
    @FunctionalInterface
    public interface Use {
        /// Takes the material for connections from now on.
        ///
        /// @throws IOException if it can't; what was used before stays
        void swap(TlsMaterial material) throws IOException;
    }

    /// Follows nothing yet.
    ///
    /// @param interval between two looks
    public TlsReloader(Duration interval) {
        this.interval = interval;
    }

    /// Makes something of the files' material.
    ///
    /// @param <U> what is made
    @FunctionalInterface
    public interface Maker<U extends Use> {
        /// Makes it.
        ///
        /// @throws IOException if the material can't be used
        U make(TlsMaterial material) throws IOException;
    }

    /// Loads the files for a port, and follows them from now on.
    ///
    /// @param port what the files are for, in logs
    /// @param maker makes what uses the material, now and after each change
    /// @throws IOException if the files aren't sound
    public <U extends Use> U follow(String port, TlsFiles files, Maker<U> maker)
            throws IOException {
        // Before loading: a change in between is seen as one.
        String contents = contents(files);
        U use = maker.make(TlsMaterial.load(files));
        watched.add(new Watched(port, files, use, contents));
        return use;
    }

    /// Begins to look.
    public void start() {
        if (!watched.isEmpty()) {
            long nanos = interval.toNanos();
            var _ = thread.scheduleWithFixedDelay(this::look, nanos, nanos, TimeUnit.NANOSECONDS);
        }
    }

    private void look() {
        watched.forEach(Watched::look);
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }

    /// A digest of all three files, or what keeps one from being read.
    private static String contents(TlsFiles files) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Path file : List.of(files.chain(), files.key(), files.ca())) {
                byte[] bytes = Files.readAllBytes(file);
                digest.update(Integer.toString(bytes.length).getBytes(StandardCharsets.US_ASCII));
                digest.update(bytes);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            return e.toString();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /// One port's files.
    private static final class Watched {
        private final String port;
        private final TlsFiles files;
        private final Use use;

        /// What was taken or refused last.
        private String settled;

        /// What was found broken at the last look.
        private String suspect = "";

        Watched(String port, TlsFiles files, Use use, String contents) {
            this.port = port;
            this.files = files;
            this.use = use;
            this.settled = contents;
        }

        void look() {
            String found = contents(files);
            if (found.equals(settled)) {
                suspect = "";
                return;
            }
            try {
                TlsMaterial material = TlsMaterial.load(files);
                use.swap(material);
                LOG.info(
                        "{}: certificate {} taken up, valid until {}",
                        port,
                        files.chain(),
                        material.chain().getFirst().getNotAfter().toInstant());
                settled = found;
            } catch (IOException | RuntimeException e) {
                if (!found.equals(suspect)) {
                    suspect = found;
                    return;
                }
                settled = found;
                LOG.error(
                        "{}: changed TLS files can't be used, going on with those from before: {}",
                        port,
                        e.getMessage(),
                        e instanceof IOException ? null : e);
            }
        }
    }
}
