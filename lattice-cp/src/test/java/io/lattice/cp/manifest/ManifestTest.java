package io.lattice.cp.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lattice.cp.policy.LeaseTtlPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ManifestTest {
    private static final LeaseTtlPolicy TTL =
            new LeaseTtlPolicy(Duration.ofSeconds(2), Duration.ofMinutes(1), Duration.ofDays(1));
    private static final Manifest.Group GROUP =
            new Manifest.Group(List.of(new Manifest.Voter("n1", "h1:2380")));

    @Test
    void standaloneHasOneTenantInOneGroupOfAllNodes() {
        List<Manifest.Voter> voters =
                List.of(
                        new Manifest.Voter("n1", "h1:2380"),
                        new Manifest.Voter("n2", "h2:2380"),
                        new Manifest.Voter("n3", "h3:2380"));

        Manifest manifest = new StandaloneManifest("default", voters, TTL).current();

        assertThat(manifest.tenants()).containsOnlyKeys("default");
        Manifest.Tenant tenant = manifest.tenants().get("default");
        assertThat(tenant)
                .isEqualTo(
                        new Manifest.Tenant(
                                StandaloneManifest.KEYSPACE, StandaloneManifest.GROUP, 1, TTL));
        assertThat(manifest.groups())
                .containsExactly(Map.entry(StandaloneManifest.GROUP, new Manifest.Group(voters)));
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
        return new Manifest.Tenant(keyspace, group, 1, TTL);
    }
}
