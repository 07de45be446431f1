package io.lattice.gateway.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;

/// `config/lattice.toml` is the documentation of all keys, so it must say what the code does.
class ReferenceFileTest {
    private static final Pattern COMMENTED_KEY =
            Pattern.compile("(?m)^# ([a-z_]+ = [\"\\[0-9tf].*|\\[tenants\\.tenant\\.acme])$");

    private static final String TENANT = "acme";

    /// Required only without `insecure`, so the table of keys calls them optional.
    private static final Set<String> SHOWN_AS_EXAMPLES =
            Set.of(
                    ConfigKeys.GRPC_TLS_CHAIN.name(),
                    ConfigKeys.GRPC_TLS_KEY.name(),
                    ConfigKeys.GRPC_CLIENT_CA.name());

    @Test
    void hasExactlyTheKeysOfTheCode() throws IOException {
        List<String> keys = Toml.parse(uncommented()).dottedKeySet().stream().toList();

        assertThat(keys)
                .containsExactlyInAnyOrderElementsOf(
                        allKeys().stream().map(ConfigKey::name).toList());
    }

    @Test
    void everyExampleIsAllowed() throws IOException {
        TomlParseResult parsed = Toml.parse(uncommented());

        assertThat(allKeys())
                .allSatisfy(key -> assertThat(value(parsed, key)).as(key.name()).isNotNull());
    }

    @Test
    void everyKeyInForceHasTheDefaultOfTheCode() throws IOException {
        TomlParseResult parsed = Toml.parse(Files.readString(file()));

        assertThat(ConfigKeys.ALL)
                .filteredOn(key -> key.defaultValue() != null)
                .allSatisfy(key ->
                        assertThat(value(parsed, key))
                                .as(key.name())
                                .isEqualTo(key.defaultValue()));
    }

    @Test
    void keysWithoutDefaultAreInForceOnlyIfRequired() throws IOException {
        TomlParseResult parsed = Toml.parse(Files.readString(file()));

        assertThat(ConfigKeys.ALL)
                .filteredOn(key -> key.defaultValue() == null)
                .allSatisfy(key ->
                        assertThat(parsed.contains(key.name()))
                                .as(key.name())
                                .isEqualTo(
                                        key.required() || SHOWN_AS_EXAMPLES.contains(key.name())));
    }

    /// With those of the one tenant that is shown.
    private static List<ConfigKey<?>> allKeys() {
        List<ConfigKey<?>> all = new ArrayList<>(ConfigKeys.ALL);
        TenantKeys.ALL.forEach(key -> all.add(TenantKeys.of(TENANT, key)));
        return all;
    }

    private static @Nullable Object value(TomlParseResult parsed, ConfigKey<?> key) {
        return key.type().parser().apply(Objects.requireNonNull(parsed.get(key.name())));
    }

    private static String uncommented() throws IOException {
        return COMMENTED_KEY.matcher(Files.readString(file())).replaceAll("$1");
    }

    private static Path file() {
        return Path.of("..", "config", "lattice.toml");
    }
}
