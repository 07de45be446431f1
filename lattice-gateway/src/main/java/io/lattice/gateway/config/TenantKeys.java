package io.lattice.gateway.config;

import io.lattice.cp.policy.QuotaPolicy.SpaceRecovery;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/// The keys of one tenant's table, `[tenants.tenant.NAME]`, with `*` for the name. Only the file has them: environment and
/// command line set no tenant's keys.
final class TenantKeys {
    /// The section whose tables are tenants.
    static final String SECTION = "tenants.tenant";

    private static final String ANY = "*";

    private static final ValueType<String> IDENTITY =
            ValueType.text(
                    Pattern.compile("\\S(.{0,253}\\S)?"),
                    "1 to 255 characters, none but inner ones blank");
    private static final ValueType<String> SERVER_NAME =
            ValueType.text(
                    Pattern.compile("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"),
                    "a host name in lower case");

    static final ConfigKey<List<String>> IDENTITIES = optional("identities", list(IDENTITY));
    static final ConfigKey<List<String>> SERVER_NAMES = optional("server_names", list(SERVER_NAME));
    static final ConfigKey<Long> QPS_LIMIT =
            optional("qps_limit", ValueType.integer(0, 1_000_000_000));
    static final ConfigKey<Long> BYTES_LIMIT =
            optional("bytes_limit", ValueType.integer(0, 1L << 40));
    static final ConfigKey<Long> BACKEND_QUOTA =
            optional("backend_quota_bytes", ConfigKeys.LIMITS_BACKEND_QUOTA.type());
    static final ConfigKey<SpaceRecovery> SPACE_RECOVERY =
            optional("space_recovery", ValueType.choice(SpaceRecovery.class));
    static final ConfigKey<Duration> LEASE_TTL_MIN =
            optional("lease_ttl_min_ms", ConfigKeys.TENANTS_LEASE_TTL_DEFAULT.type());
    static final ConfigKey<Duration> LEASE_TTL_DEFAULT =
            optional("lease_ttl_default_ms", ConfigKeys.TENANTS_LEASE_TTL_DEFAULT.type());
    static final ConfigKey<Duration> LEASE_TTL_MAX =
            optional("lease_ttl_max_ms", ConfigKeys.TENANTS_LEASE_TTL_MAX.type());

    /// All of them.
    static final List<ConfigKey<?>> ALL =
            List.of(
                    IDENTITIES,
                    SERVER_NAMES,
                    QPS_LIMIT,
                    BYTES_LIMIT,
                    BACKEND_QUOTA,
                    SPACE_RECOVERY,
                    LEASE_TTL_MIN,
                    LEASE_TTL_DEFAULT,
                    LEASE_TTL_MAX);

    private TenantKeys() {}

    /// The key of a certain tenant.
    static <T> ConfigKey<T> of(String tenant, ConfigKey<T> key) {
        return ConfigKey.optional(key.name().replace(ANY, tenant), key.type());
    }

    /// Stands for a tenant's whole table in messages about it.
    static ConfigKey<String> table(String tenant) {
        return ConfigKey.optional(SECTION + "." + tenant + ".*", ConfigKeys.NAME);
    }

    private static <T> ConfigKey<T> optional(String name, ValueType<T> type) {
        return ConfigKey.optional(SECTION + "." + ANY + "." + name, type);
    }

    private static ValueType<List<String>> list(ValueType<String> element) {
        return ValueType.list(element);
    }
}
