package io.lattice.gateway.config;

import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import io.lattice.gateway.config.LatticeConfig.Tenants;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Turns the section `tenants` and the tables in it into records. A tenant whose own keys contradict each other is a problem
/// of its own, and gets what holds for all meanwhile.
final class TenantAssembler {
    /// The minimum of an etcd with its default election timeout.
    private static final Duration LEASE_TTL_MIN = Duration.ofSeconds(2);

    private final Settings settings;

    TenantAssembler(Settings settings) {
        this.settings = settings;
    }

    Tenants assemble() {
        String defaultTenant = settings.getOrDefault(ConfigKeys.TENANTS_DEFAULT_TENANT);
        Map<String, TenantConfig> tenants = new LinkedHashMap<>();
        tenants.put(defaultTenant, tenant(defaultTenant));
        settings.tenants().forEach(name -> tenants.put(name, tenant(name)));
        return new Tenants(
                defaultTenant,
                settings.get(ConfigKeys.TENANTS_QPS_LIMIT),
                settings.get(ConfigKeys.TENANTS_BYTES_LIMIT),
                settings.getOrDefault(ConfigKeys.TENANTS_LEASE_TTL_DEFAULT),
                settings.getOrDefault(ConfigKeys.TENANTS_LEASE_TTL_MAX),
                settings.getOrDefault(ConfigKeys.TENANTS_WATCH_IDLE_TIMEOUT),
                tenants);
    }

    private TenantConfig tenant(String name) {
        QuotaPolicy quota =
                new QuotaPolicy(
                        limit(name, TenantKeys.QPS_LIMIT, ConfigKeys.TENANTS_QPS_LIMIT),
                        limit(name, TenantKeys.BYTES_LIMIT, ConfigKeys.TENANTS_BYTES_LIMIT),
                        limit(name, TenantKeys.BACKEND_QUOTA, ConfigKeys.LIMITS_BACKEND_QUOTA),
                        orElse(
                                own(name, TenantKeys.SPACE_RECOVERY),
                                settings.getOrDefault(ConfigKeys.TENANTS_SPACE_RECOVERY)));
        return new TenantConfig(
                orElse(own(name, TenantKeys.IDENTITIES), List.of()),
                orElse(own(name, TenantKeys.SERVER_NAMES), List.of()),
                quota,
                leaseTtl(name));
    }

    private <T> @Nullable T own(String tenant, ConfigKey<T> key) {
        return settings.get(TenantKeys.of(tenant, key));
    }

    private long limit(String tenant, ConfigKey<Long> own, ConfigKey<Long> forAll) {
        return orElse(own(tenant, own), orElse(settings.get(forAll), 0L));
    }

    private LeaseTtlPolicy leaseTtl(String tenant) {
        Duration defaultForAll = settings.getOrDefault(ConfigKeys.TENANTS_LEASE_TTL_DEFAULT);
        Duration maxForAll = settings.getOrDefault(ConfigKeys.TENANTS_LEASE_TTL_MAX);
        Duration defaultTtl = orElse(own(tenant, TenantKeys.LEASE_TTL_DEFAULT), defaultForAll);
        Duration max = orElse(own(tenant, TenantKeys.LEASE_TTL_MAX), maxForAll);
        @Nullable Duration ownMin = own(tenant, TenantKeys.LEASE_TTL_MIN);
        Duration min = ownMin != null ? ownMin : shorter(defaultTtl, LEASE_TTL_MIN);
        if (min.compareTo(defaultTtl) <= 0 && defaultTtl.compareTo(max) <= 0) {
            return new LeaseTtlPolicy(min, defaultTtl, max);
        }
        ConfigKey<Duration> culprit = culprit(tenant);
        if (culprit != null) {
            settings.report(
                    culprit,
                    "minimum, default and maximum "
                            + min.toMillis()
                            + ", "
                            + defaultTtl.toMillis()
                            + ", "
                            + max.toMillis(),
                    "three in ascending order; what the tenant doesn't say is taken from tenants");
        }
        // Without a culprit it is the section tenants that contradicts itself, which is another
        // rule's to report.
        return new LeaseTtlPolicy(LEASE_TTL_MIN, LEASE_TTL_MIN, LEASE_TTL_MIN);
    }

    private @Nullable ConfigKey<Duration> culprit(String tenant) {
        for (ConfigKey<Duration> key :
                List.of(
                        TenantKeys.LEASE_TTL_MIN,
                        TenantKeys.LEASE_TTL_DEFAULT,
                        TenantKeys.LEASE_TTL_MAX)) {
            ConfigKey<Duration> own = TenantKeys.of(tenant, key);
            if (settings.has(own)) {
                return own;
            }
        }
        return null;
    }

    private static Duration shorter(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }

    private static <T> T orElse(@Nullable T value, T other) {
        return value != null ? value : other;
    }
}
