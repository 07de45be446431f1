package io.lattice.cp.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ManifestTest {
    private static final LeaseTtlPolicy TTL =
            new LeaseTtlPolicy(Duration.ofSeconds(2), Duration.ofMinutes(1), Duration.ofDays(1));
    private static final Manifest.Group GROUP =
            new Manifest.Group(List.of(new Manifest.Replica("n1", "h1:2380")));

    @Test
    void standaloneHasTheConfiguredTenantsInOneGroupOfAllNodes() {
        List<Manifest.Replica> voters =
                List.of(
                        new Manifest.Replica("n1", "h1:2380"),
                        new Manifest.Replica("n2", "h2:2380"),
                        new Manifest.Replica("n3", "h3:2380"));
        Manifest.Access access = new Manifest.Access(Set.of("acme-client"), Set.of("acme.test"));
        QuotaPolicy quota = new QuotaPolicy(10, 0, 0, QuotaPolicy.SpaceRecovery.AUTOMATIC);

        Manifest manifest =
                new StandaloneManifest(
                                Map.of(
                                        "default",
                                        new StandaloneManifest.Entry(
                                                Manifest.Access.NONE, TTL, QuotaPolicy.UNLIMITED),
                                        "acme",
                                        new StandaloneManifest.Entry(access, TTL, quota)),
                                voters)
                        .current();

        assertThat(manifest.tenants())
                .containsOnly(
                        Map.entry(
                                "default",
                                new Manifest.Tenant(
                                        1,
                                        StandaloneManifest.GROUP,
                                        1,
                                        Manifest.Access.NONE,
                                        TTL,
                                        QuotaPolicy.UNLIMITED)),
                        Map.entry(
                                "acme",
                                new Manifest.Tenant(
                                        StandaloneManifest.keyspace("acme"),
                                        StandaloneManifest.GROUP,
                                        1,
                                        access,
                                        TTL,
                                        quota)));
        assertThat(manifest.groups())
                .containsExactly(Map.entry(StandaloneManifest.GROUP, new Manifest.Group(voters)));
    }

    @Test
    void keyspaceFollowsFromTheNameAndIsWrittenInStone() {
        // Stores hold these numbers: another result would lose the tenants' keys.
        assertThat(StandaloneManifest.keyspace("default")).isEqualTo(1);
        assertThat(StandaloneManifest.keyspace("acme")).isEqualTo(36_385_709);
    }

    @Test
    void refusesServerNameOfTwoTenants() {
        Manifest.Access access = new Manifest.Access(Set.of(), Set.of("shared.test"));
        Map<String, Manifest.Tenant> tenants =
                Map.of("a", tenant(1, "g1", access), "b", tenant(2, "g1", access));

        assertThatThrownBy(() -> new Manifest(tenants, Map.of("g1", GROUP)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("server name shared.test");
    }

    @Test
    void refusesTenantOfAGroupThatDoesNotExist() {
        Map<String, Manifest.Tenant> tenants = Map.of("a", tenant(1, "g2"));

        assertThatThrownBy(() -> new Manifest(tenants, Map.of("g1", GROUP)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("tenant a: found group g2; allowed [g1]");
    }

    @Test
    void refusesKeyspaceOfTwoTenants() {
        Map<String, Manifest.Tenant> tenants = Map.of("a", tenant(1, "g1"), "b", tenant(1, "g1"));

        assertThatThrownBy(() -> new Manifest(tenants, Map.of("g1", GROUP)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("keyspace of two tenants");
    }

    @Test
    void refusesGroupWithoutVotersAndKeyspaceZero() {
        assertThatThrownBy(() -> new Manifest.Group(List.of()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tenant(0, "g1")).isInstanceOf(IllegalArgumentException.class);
    }

    private static Manifest.Tenant tenant(int keyspace, String group) {
        return tenant(keyspace, group, Manifest.Access.NONE);
    }

    private static Manifest.Tenant tenant(int keyspace, String group, Manifest.Access access) {
        return new Manifest.Tenant(keyspace, group, 1, access, TTL, QuotaPolicy.UNLIMITED);
    }
}
