package io.lattice.cp.agent;

import com.google.protobuf.ByteString;
import io.lattice.cp.cache.CacheLimits;
import io.lattice.cp.cache.CacheState;
import io.lattice.cp.client.ControlPlaneClient;
import io.lattice.cp.client.ControlPlaneException;
import io.lattice.cp.client.PrefixWatch;
import io.lattice.cp.client.Reading;
import io.lattice.cp.document.ManifestDocuments;
import io.lattice.cp.document.ManifestSteps;
import io.lattice.cp.document.Problem;
import io.lattice.cp.document.TenantDefaults;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.ManifestSource;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Follows the manifests in the control plane.
///
/// A round reads everything at one revision, by a majority of the control plane, and takes it up or refuses it whole. What is
/// read confirms the manifest as of the instant when the question was sent. Rounds come often enough to keep a confirmed
/// manifest fresh, at once when the watch from the next revision on tells of a change, and soon when the last one failed.
///
/// While the control plane holds something that is refused, it doesn't confirm what is in force, which ages.
///
/// Rounds run on one thread of its own. Everything public is thread-safe.
public final class CpAgent implements ManifestSource, AutoCloseable {
    /// What a file of the data directory is called that is the agent's.
    public static final String COPY_NAME = ManifestCopyFile.NAME;

    private static final Logger LOG = LoggerFactory.getLogger(CpAgent.class);

    private static final Duration STOP_TIME = Duration.ofSeconds(5);

    private final Settings settings;
    private final ControlPlaneClient client;
    private final LongSupplier nanos;
    private final ManifestCache cache;
    private final Pauses pauses = new Pauses();
    private final @Nullable ManifestCopyFile copy;
    private final Thread thread;
    private final CountDownLatch firstRound = new CountDownLatch(1);
    private final CountDownLatch firstManifest = new CountDownLatch(1);
    private final List<Consumer<Manifest>> listeners = new CopyOnWriteArrayList<>();
    private volatile @Nullable RefusedManifest refused;
    private volatile @Nullable String outage;
    private volatile boolean closed;

    // The thread's own.
    private @Nullable Map<String, ByteString> lastValues;
    private @Nullable PrefixWatch watch;
    private long clusterId;
    private long copiedNanos;
    private String copiedDigest = "";
    private boolean copyFails;

    /// How to follow.
    ///
    /// @param limits up to which age the manifest is in which state
    /// @param defaults what holds for tenants whose documents say nothing
    /// @param copyDirectory where the last good manifest is kept; null: nowhere
    public record Settings(
            CacheLimits limits, TenantDefaults defaults, @Nullable Path copyDirectory) {
        /// How long one endpoint may take to answer: short enough to ask several before the manifest ages.
        public Duration patience() {
            return Duration.ofMillis(Math.clamp(limits.ttl().toMillis() / 6, 200, 5_000));
        }

        /// Between two rounds while all is well.
        Duration interval() {
            return Duration.ofMillis(Math.clamp(limits.ttl().toMillis() / 3, 100, 30_000));
        }
    }

    private CpAgent(
            Settings settings, ControlPlaneClient client, LongSupplier nanos, UptimeClock uptime) {
        this.settings = settings;
        this.client = client;
        this.nanos = nanos;
        this.cache = new ManifestCache(settings.limits(), nanos);
        this.copy =
                settings.copyDirectory() == null
                        ? null
                        : new ManifestCopyFile(settings.copyDirectory(), uptime);
        this.thread = Thread.ofPlatform().name("lattice-cp").daemon().unstarted(this::run);
    }

    /// Starts to follow. A copy on the disk is in force at once.
    ///
    /// @param client the agent's from now on, and closed with it
    public static CpAgent start(Settings settings, ControlPlaneClient client) {
        return start(settings, client, System::nanoTime, UptimeClock.ofKernel());
    }

    static CpAgent start(
            Settings settings, ControlPlaneClient client, LongSupplier nanos, UptimeClock uptime) {
        CpAgent agent = new CpAgent(settings, client, nanos, uptime);
        agent.loadCopy();
        agent.thread.start();
        return agent;
    }

    @Override
    public Manifest current() {
        return cache.held().manifest();
    }

    @Override
    public CacheState state() {
        return cache.state();
    }

    @Override
    public Duration age() {
        return cache.age();
    }

    /// What the control plane has that isn't taken; null if it has nothing of that kind, as far as is known.
    public @Nullable RefusedManifest refused() {
        return refused;
    }

    /// Has every further manifest told, on the agent's thread, right after it is in force.
    public void follow(Consumer<Manifest> listener) {
        listeners.add(listener);
    }

    /// Waits until the control plane has been asked once, and until there is a manifest.
    ///
    /// @param interval after each such time without one, `waiting` runs
    public void awaitManifest(Duration interval, Runnable waiting) throws InterruptedException {
        firstRound.await();
        while (!firstManifest.await(interval.toMillis(), TimeUnit.MILLISECONDS)) {
            waiting.run();
        }
    }

    /// What keeps the control plane from being asked; null if nothing does.
    public @Nullable String outage() {
        return outage;
    }

    private void loadCopy() {
        if (copy == null) {
            return;
        }
        try {
            ManifestCopyFile.Loaded loaded = copy.load();
            if (loaded == null) {
                return;
            }
            Duration age = loaded.age();
            if (age == null) {
                age = settings.limits().expiry().plusMillis(1);
                LOG.warn(
                        "the manifest on the disk, {}, is from another boot: how old it is can't be"
                                + " told, so it counts as expired",
                        loaded.documents().digest());
            }
            LOG.info(
                    "the manifest on the disk, {}, was confirmed {} s ago",
                    loaded.documents().digest(),
                    age.toSeconds());
            takeUp(loaded.documents(), nanos.getAsLong() - age.toNanos());
            copiedDigest = loaded.documents().digest();
            copiedNanos = nanos.getAsLong() - age.toNanos();
        } catch (IOException e) {
            LOG.warn("the copy of the manifest on the disk isn't used: {}", e.getMessage());
        }
    }

    private void run() {
        try {
            while (!closed) {
                boolean well = round();
                firstRound.countDown();
                pauses.await(pause(well));
            }
        } catch (InterruptedException e) {
            LOG.debug("the agent of the control plane ends", e);
        } finally {
            firstRound.countDown();
            PrefixWatch open = watch;
            if (open != null) {
                open.close();
            }
        }
    }

    private Duration pause(boolean well) {
        Duration interval = settings.interval();
        PrefixWatch open = watch;
        boolean watching = open != null && open.isOpen();
        boolean settled = well && watching;
        return settled || interval.compareTo(Pauses.RETRY) < 0 ? interval : Pauses.RETRY;
    }

    /// @return whether the control plane answered
    private boolean round() {
        try {
            boolean told = pauses.takeTold();
            Reading reading = client.read();
            if (outage != null) {
                LOG.info("the control plane answers again, at {}", client.endpoint());
            }
            outage = null;
            take(reading, told);
            if (watch == null || !watch.isOpen()) {
                openWatch(reading.revision() + 1);
            }
            return true;
        } catch (ControlPlaneException e) {
            if (!closed) {
                if (outage == null) {
                    LOG.warn("the control plane doesn't answer: {}", e.getMessage());
                } else {
                    LOG.debug("the control plane still doesn't answer: {}", e.getMessage());
                }
                outage = e.getMessage();
            }
            return false;
        } catch (RuntimeException e) {
            // A round that fails in a way that nobody foresaw must not be the last: the manifest
            // ages meanwhile, and shows it.
            LOG.error("the manifests can't be followed at the moment", e);
            outage = e.toString();
            return false;
        }
    }

    private void openWatch(long revision) {
        watch =
                client.watch(
                        revision,
                        pauses::tell,
                        reason -> {
                            LOG.info("the watch of the control plane is over: {}", reason);
                            pauses.hurry();
                        });
    }

    private void take(Reading reading, boolean told) {
        if (clusterId != 0 && clusterId != reading.clusterId()) {
            LOG.warn(
                    "the control plane at {} is another cluster than before: found {}; before {}",
                    client.endpoint(),
                    Long.toHexString(reading.clusterId()),
                    Long.toHexString(clusterId));
        }
        clusterId = reading.clusterId();
        Map<String, ByteString> values = reading.values();
        if (values.equals(lastValues)) {
            confirm(reading.askedNanos());
            return;
        }
        PrefixWatch open = watch;
        if (lastValues != null && !told && open != null && open.isOpen()) {
            LOG.info("the watch of the control plane missed a change, and is opened anew");
            open.close();
        }
        lastValues = values;
        switch (ManifestDocuments.parse(values)) {
            case ManifestDocuments.Outcome.Good(ManifestDocuments documents) ->
                    consider(documents, reading);
            case ManifestDocuments.Outcome.Refused(List<Problem> problems) ->
                    refuse(reading.revision(), problems);
        }
    }

    private void consider(ManifestDocuments documents, Reading reading) {
        ManifestDocuments before = cache.held().documents();
        List<Problem> problems =
                before == null ? List.of() : ManifestSteps.problems(before, documents);
        if (problems.isEmpty()) {
            refused = null;
            takeUp(documents, reading.askedNanos());
            keepCopy();
        } else {
            refuse(reading.revision(), problems);
        }
    }

    /// The same documents again.
    private void confirm(long askedNanos) {
        ManifestCache.Held held = cache.held();
        ManifestDocuments documents = held.documents();
        if (refused == null && documents != null) {
            cache.confirm(held.manifest(), documents, askedNanos);
            keepCopy();
        }
    }

    private void takeUp(ManifestDocuments documents, long confirmedNanos) {
        ManifestCache.Held held = cache.held();
        if (documents.equals(held.documents())) {
            cache.confirm(held.manifest(), documents, confirmedNanos);
            return;
        }
        Manifest manifest = documents.manifest(settings.defaults());
        cache.confirm(manifest, documents, confirmedNanos);
        LOG.info(
                "manifest {} is in force: {} tenants, {} groups",
                manifest.digest(),
                manifest.tenants().size(),
                manifest.groups().size());
        firstManifest.countDown();
        listeners.forEach(listener -> listener.accept(manifest));
    }

    private void refuse(long revision, List<Problem> problems) {
        RefusedManifest now = new RefusedManifest(revision, problems);
        refused = now;
        LOG.error(
                "the manifest of the control plane is refused, and {}:\n{}",
                cache.held().documents() == null
                        ? "there was none before"
                        : "the one before stays in force",
                now.describe());
    }

    private void keepCopy() {
        ManifestCache.Held held = cache.held();
        ManifestDocuments documents = held.documents();
        if (copy == null || documents == null) {
            return;
        }
        boolean same = documents.digest().equals(copiedDigest);
        if (same && held.confirmedNanos() - copiedNanos < Pauses.RETRY.toNanos()) {
            return;
        }
        try {
            copy.store(documents, Duration.ofNanos(nanos.getAsLong() - held.confirmedNanos()));
            copiedDigest = documents.digest();
            copiedNanos = held.confirmedNanos();
            copyFails = false;
        } catch (IOException e) {
            if (!copyFails) {
                LOG.error(
                        "the manifest can't be kept on the disk: a start while the control plane is"
                                + " away will lack it",
                        e);
            }
            copyFails = true;
        }
    }

    /// Stops following. What is known stays readable.
    @Override
    public void close() {
        closed = true;
        // Not by an interrupt, which would break off a copy that is being written.
        client.close();
        pauses.tell();
        try {
            if (!thread.join(STOP_TIME)) {
                LOG.warn("the agent of the control plane has not ended after {}", STOP_TIME);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
