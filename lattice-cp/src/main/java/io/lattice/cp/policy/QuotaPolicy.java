package io.lattice.cp.policy;

/// How much a tenant may use. Zero stands for no limit.
///
/// @param requestsPerSecond calls that a node takes from the tenant in a second
/// @param bytesPerSecond bytes that a node takes from and sends to the tenant in a second
/// @param storedBytes what the tenant's keys and their history may take on the disk
/// @param spaceRecovery what ends the refusal of writes that follows on storing more
public record QuotaPolicy(
        long requestsPerSecond,
        long bytesPerSecond,
        long storedBytes,
        SpaceRecovery spaceRecovery) {
    /// No limit at all.
    public static final QuotaPolicy UNLIMITED = new QuotaPolicy(0, 0, 0, SpaceRecovery.MANUAL);

    /// How the alarm NOSPACE ends.
    public enum SpaceRecovery {
        /// An operator disarms it, as in etcd.
        MANUAL,
        /// It ends once enough is deleted and compacted.
        AUTOMATIC
    }

    public QuotaPolicy {
        if (requestsPerSecond < 0 || bytesPerSecond < 0 || storedBytes < 0) {
            throw new IllegalArgumentException(
                    "quota: found "
                            + requestsPerSecond
                            + " requests/s, "
                            + bytesPerSecond
                            + " bytes/s, "
                            + storedBytes
                            + " bytes; allowed 0 or more");
        }
    }
}
