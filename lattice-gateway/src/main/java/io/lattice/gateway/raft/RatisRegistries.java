package io.lattice.gateway.raft;

import com.codahale.metrics.Counter;
import com.codahale.metrics.Gauge;
import com.codahale.metrics.LockFreeExponentiallyDecayingReservoir;
import com.codahale.metrics.MetricRegistry;
import com.codahale.metrics.Timer;
import io.lattice.gateway.observability.DurationHistogram;
import io.lattice.gateway.observability.LibraryMetrics;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.ratis.metrics.LongCounter;
import org.apache.ratis.metrics.MetricRegistries;
import org.apache.ratis.metrics.MetricRegistryInfo;
import org.apache.ratis.metrics.RatisMetricRegistry;
import org.apache.ratis.metrics.Timekeeper;
import org.apache.ratis.util.TimeDuration;
import org.jspecify.annotations.Nullable;

/// Keeps Ratis' metrics in dropwizard registries. Ratis finds it as a service, and makes one for the process. The log's syncs
/// are also counted in buckets, which dropwizard's timers don't have. Thread-safe.
public final class RatisRegistries extends MetricRegistries {
    private static final String LOG_WORKER = "log_worker";
    private static final String LOG_APPENDER = "log_appender";
    private static final String SYNC_TIME = "syncTime";
    private static final Pattern MEMBER_GROUP = Pattern.compile("@group-([0-9A-F]+)");

    private final Map<MetricRegistryInfo, Registry> registries = new ConcurrentHashMap<>();
    private final List<Consumer<RatisMetricRegistry>> creations = new CopyOnWriteArrayList<>();
    private final List<Consumer<RatisMetricRegistry>> removals = new CopyOnWriteArrayList<>();

    /// What Ratis measures as of now.
    static List<LibraryMetrics> all() {
        return own().registries.values().stream()
                .map(r ->
                        new LibraryMetrics(r.info.getMetricsComponentName(), r.group(), r.metrics))
                .toList();
    }

    /// How long the syncs of a member's log took, since it was opened.
    ///
    /// @param member identity and group
    static DurationHistogram syncs(String member) {
        return own().registries.values().stream()
                .filter(r -> r.isOf(LOG_WORKER, member))
                .map(r -> r.syncs)
                .findFirst()
                .orElseGet(DurationHistogram::ofDisk);
    }

    /// The last index that a follower is known to have, by a leading member's appender for it; null if there is none.
    static @Nullable Long matchIndex(String leader, String follower) {
        for (Registry registry : own().registries.values()) {
            if (registry.isOf(LOG_APPENDER, leader)) {
                for (Map.Entry<String, Gauge<?>> gauge : registry.gauges().entrySet()) {
                    if (gauge.getKey().equals("follower_" + follower + "_match_index")
                            && gauge.getValue().getValue() instanceof Long index) {
                        return index;
                    }
                }
            }
        }
        return null;
    }

    private static RatisRegistries own() {
        if (MetricRegistries.global() instanceof RatisRegistries registries) {
            return registries;
        }
        throw new IllegalStateException(
                "another implementation of Ratis' metrics is on the class path: "
                        + MetricRegistries.global().getClass());
    }

    @Override
    public RatisMetricRegistry create(MetricRegistryInfo info) {
        return registries.computeIfAbsent(
                info,
                i -> {
                    Registry made = new Registry(i);
                    creations.forEach(c -> c.accept(made));
                    return made;
                });
    }

    @Override
    public boolean remove(MetricRegistryInfo info) {
        Registry removed = registries.remove(info);
        if (removed != null) {
            removals.forEach(r -> r.accept(removed));
        }
        return removed != null;
    }

    @Override
    public void clear() {
        registries.clear();
    }

    @Override
    public Optional<RatisMetricRegistry> get(MetricRegistryInfo info) {
        return Optional.ofNullable(registries.get(info));
    }

    @Override
    public Set<MetricRegistryInfo> getMetricRegistryInfos() {
        return Set.copyOf(registries.keySet());
    }

    @Override
    public Collection<RatisMetricRegistry> getMetricRegistries() {
        return List.copyOf(registries.values());
    }

    @Override
    public void addReporterRegistration(
            Consumer<RatisMetricRegistry> created, Consumer<RatisMetricRegistry> removed) {
        creations.add(created);
        removals.add(removed);
    }

    @Override
    public void removeReporterRegistration(
            Consumer<RatisMetricRegistry> created, Consumer<RatisMetricRegistry> removed) {
        creations.remove(created);
        removals.remove(removed);
    }

    /// Not served: the telemetry port is the one way out.
    @Override
    public void enableJmxReporter() {
        throw new UnsupportedOperationException("metrics are served on the telemetry port");
    }

    /// Not served: the telemetry port is the one way out.
    @Override
    public void enableConsoleReporter(TimeDuration interval) {
        throw new UnsupportedOperationException("metrics are served on the telemetry port");
    }

    /// One of Ratis' registries.
    private static final class Registry implements RatisMetricRegistry {
        private final MetricRegistryInfo info;
        private final MetricRegistry metrics = new MetricRegistry();
        private final DurationHistogram syncs = DurationHistogram.ofDisk();

        Registry(MetricRegistryInfo info) {
            this.info = info;
        }

        /// The group in the prefix, as Ratis shortens its id; empty for what isn't of a group.
        private String group() {
            Matcher member = MEMBER_GROUP.matcher(info.getPrefix());
            return member.find() ? member.group(1) : "";
        }

        private boolean isOf(String component, String member) {
            // The prefix names the member: identity and group.
            return info.getMetricsComponentName().equals(component)
                    && info.getPrefix().startsWith(member);
        }

        @SuppressWarnings({"unchecked", "rawtypes"}) // dropwizard's own signature is raw
        private Map<String, Gauge<?>> gauges() {
            return (Map) metrics.getGauges();
        }

        @Override
        public Timekeeper timer(String name) {
            Timer timer =
                    metrics.timer(
                            name,
                            () ->
                                    new Timer(
                                            LockFreeExponentiallyDecayingReservoir.builder()
                                                    .build()));
            return name.equals(SYNC_TIME) && info.getMetricsComponentName().equals(LOG_WORKER)
                    ? () -> new SyncContext(timer, syncs, System.nanoTime())
                    : () -> timer.time()::stop;
        }

        @Override
        public LongCounter counter(String name) {
            return new DropwizardCounter(metrics.counter(name));
        }

        @Override
        public boolean remove(String name) {
            return metrics.remove(name);
        }

        /// A later supplier of the same name takes the place of the earlier one, whose object is gone.
        @Override
        public <T> void gauge(String name, Supplier<Supplier<T>> supplier) {
            Supplier<T> value = Objects.requireNonNull(supplier.get());
            metrics.remove(name);
            Gauge<T> gauge = value::get;
            metrics.gauge(name, () -> gauge);
        }

        @Override
        public MetricRegistryInfo getMetricRegistryInfo() {
            return info;
        }
    }

    private record SyncContext(Timer timer, DurationHistogram histogram, long beganNanos)
            implements Timekeeper.Context {
        @Override
        public long stop() {
            long nanos = System.nanoTime() - beganNanos;
            timer.update(nanos, TimeUnit.NANOSECONDS);
            histogram.record(nanos);
            return nanos;
        }
    }

    private record DropwizardCounter(Counter counter) implements LongCounter {
        @Override
        public void inc(long n) {
            counter.inc(n);
        }

        @Override
        public void dec(long n) {
            counter.dec(n);
        }

        @Override
        public long getCount() {
            return counter.getCount();
        }
    }
}
