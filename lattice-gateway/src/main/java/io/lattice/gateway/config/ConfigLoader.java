package io.lattice.gateway.config;

import io.lattice.gateway.config.ConfigException.Problem;
import io.lattice.gateway.config.LatticeConfig.ControlPlaneMode;
import io.lattice.gateway.config.Settings.Place;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/// Makes a [LatticeConfig] out of a TOML file, the environment and the command line; a later one
/// beats an earlier one. Reports everything that is wrong at once. Reads the configuration and the TLS
/// files; writes nothing and doesn't look into the data directories.
public final class ConfigLoader {
    private static final String ENVIRONMENT_PREFIX = "LATTICE_";
    private static final Map<String, ConfigKey<?>> KEYS =
            ConfigKeys.ALL.stream().collect(Collectors.toMap(ConfigKey::name, Function.identity()));
    private static final Set<String> SECTIONS =
            Stream.concat(
                            ConfigKeys.ALL.stream().map(ConfigKey::section),
                            Stream.of(TenantKeys.SECTION))
                    .flatMap(ConfigLoader::withParents)
                    .collect(Collectors.toCollection(TreeSet::new));
    private static final Map<String, ConfigKey<?>> BY_VARIABLE =
            ConfigKeys.ALL.stream()
                    .collect(
                            Collectors.toMap(
                                    key -> variable(key.name()),
                                    Function.identity(),
                                    (first, _) -> first,
                                    TreeMap::new));

    private ConfigLoader() {}

    /// Loads a configuration file.
    ///
    /// @param environment variables; `LATTICE_<SECTION>_<KEY>` sets a key, with arrays as TOML or as
    ///     elements with commas between them; variables of other names are ignored
    /// @param overrides values from the command line by dotted key, written as in the environment
    /// @throws ConfigException with all problems
    public static LatticeConfig load(
            Path file, Map<String, String> environment, Map<String, String> overrides)
            throws ConfigException {
        String toml;
        try {
            toml = Files.readString(file);
        } catch (IOException e) {
            throw new ConfigException(
                    List.of(
                            new Problem(
                                    file.toString(),
                                    "file",
                                    unreadable(e),
                                    "a readable TOML file in UTF-8")));
        }
        Path directory = file.toAbsolutePath().normalize().getParent();
        if (directory == null) {
            throw new IllegalStateException("a file that could be read has no directory: " + file);
        }
        return load(toml, file.toString(), directory, environment, overrides);
    }

    /// Loads a configuration from a text.
    ///
    /// @param name what messages call the text
    /// @param directory what relative paths in the text are relative to
    /// @throws ConfigException with all problems
    public static LatticeConfig load(
            String toml,
            String name,
            Path directory,
            Map<String, String> environment,
            Map<String, String> overrides)
            throws ConfigException {
        Settings settings = new Settings(new Place(0, name, 1, directory));
        TomlParseResult parsed = Toml.parse(toml);
        if (parsed.hasErrors()) {
            parsed.errors()
                    .forEach(error ->
                            settings.report(
                                    filePlace(name, directory, error.position()),
                                    "syntax",
                                    String.valueOf(error.getMessage()),
                                    "TOML 1.0"));
            throw new ConfigException(settings.problems());
        }
        readTable(settings, parsed, "", name, directory);
        Path workingDirectory = Path.of("").toAbsolutePath();
        readEnvironment(settings, environment, workingDirectory);
        readOverrides(settings, overrides, workingDirectory);
        return new ConfigAssembler(settings).assemble();
    }

    /// What a valid configuration asks for that this version accepts without acting on it, one
    /// sentence each; for the log and for `config check`.
    public static List<String> notices(LatticeConfig config) {
        return Stream.of(
                        notice(
                                config.controlPlane().mode() == ControlPlaneMode.STANDALONE
                                        && !config.controlPlane().endpoints().isEmpty(),
                                "control_plane.endpoints are ignored while control_plane.mode is"
                                        + " \"standalone\""),
                        notice(
                                !config.cluster().peers().isEmpty()
                                        && config.cluster().peers().size() % 2 == 0,
                                "an even number of voters tolerates no more failures than one voter"
                                        + " less"),
                        notice(
                                config.grpc().insecure() && !config.grpc().bind().isLoopback(),
                                "the client port is open to the network without TLS"))
                .flatMap(Function.identity())
                .toList();
    }

    private static Stream<String> notice(boolean applies, String text) {
        return applies ? Stream.of(text) : Stream.empty();
    }

    private static void readTable(
            Settings settings, TomlTable table, String prefix, String file, Path directory) {
        for (String part : table.keySet()) {
            List<String> path = List.of(part);
            String name = prefix + part;
            Place place = filePlace(file, directory, table.inputPositionOf(path));
            Object value = table.get(path);
            ConfigKey<?> key = KEYS.get(name);
            if (value == null) {
                throw new IllegalStateException("tomlj lists a key without a value: " + name);
            } else if (key != null) {
                settings.put(key, value, place);
            } else if (!SECTIONS.contains(name)) {
                reportUnknown(settings, place, name, value instanceof TomlTable);
            } else if (name.equals(TenantKeys.SECTION) && value instanceof TomlTable tenants) {
                readTenants(settings, tenants, file, directory);
            } else if (value instanceof TomlTable section) {
                settings.section(name, place);
                readTable(settings, section, name + ".", file, directory);
            } else {
                settings.report(place, name, Settings.render(value), "a table");
            }
        }
    }

    private static void readTenants(
            Settings settings, TomlTable tenants, String file, Path directory) {
        for (String tenant : tenants.keySet()) {
            Place place = filePlace(file, directory, tenants.inputPositionOf(List.of(tenant)));
            String name = TenantKeys.SECTION + "." + tenant;
            if (ConfigKeys.NAME.parser().apply(tenant) == null) {
                settings.report(
                        place,
                        TenantKeys.SECTION,
                        "the name " + ValueType.quote(tenant),
                        "names of " + ConfigKeys.NAME.allowed());
            } else if (tenants.get(List.of(tenant)) instanceof TomlTable table) {
                settings.tenant(tenant);
                settings.section(name, place);
                readTenant(settings, table, tenant, file, directory);
            } else {
                settings.report(
                        place,
                        name,
                        Settings.render(Objects.requireNonNull(tenants.get(List.of(tenant)))),
                        "a table");
            }
        }
    }

    private static void readTenant(
            Settings settings, TomlTable table, String tenant, String file, Path directory) {
        Map<String, ConfigKey<?>> keys = new TreeMap<>();
        for (ConfigKey<?> key : TenantKeys.ALL) {
            ConfigKey<?> own = TenantKeys.of(tenant, key);
            keys.put(own.name(), own);
        }
        for (String part : table.keySet()) {
            List<String> path = List.of(part);
            String name = TenantKeys.SECTION + "." + tenant + "." + part;
            Place place = filePlace(file, directory, table.inputPositionOf(path));
            ConfigKey<?> key = keys.get(name);
            if (key != null) {
                settings.put(key, Objects.requireNonNull(table.get(path)), place);
            } else {
                settings.report(
                        place,
                        name,
                        "a key that does not exist",
                        nearest(name, keys.keySet()) + " (nearest name)");
            }
        }
    }

    private static void readEnvironment(
            Settings settings, Map<String, String> environment, Path workingDirectory) {
        new TreeMap<>(environment)
                .forEach((variable, text) -> {
                    Place place = new Place(1, "environment " + variable, 0, workingDirectory);
                    ConfigKey<?> key = BY_VARIABLE.get(variable);
                    if (key != null) {
                        settings.put(key, key.type().fromText().apply(text), place);
                    } else if (looksLikeKey(variable)) {
                        settings.report(
                                place,
                                variable,
                                "a variable of a key that does not exist",
                                nearest(variable, BY_VARIABLE.keySet()) + " (nearest name)");
                    }
                });
    }

    private static void readOverrides(
            Settings settings, Map<String, String> overrides, Path workingDirectory) {
        Place place = new Place(2, "command line", 0, workingDirectory);
        new TreeMap<>(overrides)
                .forEach((name, text) -> {
                    ConfigKey<?> key = KEYS.get(name);
                    if (key != null) {
                        settings.put(key, key.type().fromText().apply(text), place);
                    } else {
                        reportUnknown(settings, place, name, false);
                    }
                });
    }

    private static void reportUnknown(
            Settings settings, Place place, String name, boolean section) {
        settings.report(
                place,
                name,
                section ? "a section that does not exist" : "a key that does not exist",
                nearest(name, section ? SECTIONS : KEYS.keySet()) + " (nearest name)");
    }

    private static Stream<String> withParents(String section) {
        int dot = section.lastIndexOf('.');
        return dot < 0
                ? Stream.of(section)
                : Stream.concat(withParents(section.substring(0, dot)), Stream.of(section));
    }

    private static boolean looksLikeKey(String variable) {
        return SECTIONS.stream().anyMatch(section -> variable.startsWith(variable(section) + "_"));
    }

    private static String variable(String name) {
        return ENVIRONMENT_PREFIX + name.replace('.', '_').toUpperCase(Locale.ROOT);
    }

    private static String nearest(String name, Iterable<String> candidates) {
        String best = "";
        int bestDistance = Integer.MAX_VALUE;
        for (String candidate : candidates) {
            int distance = NameDistance.between(name, candidate);
            if (distance < bestDistance
                    || (distance == bestDistance && candidate.compareTo(best) < 0)) {
                best = candidate;
                bestDistance = distance;
            }
        }
        return best;
    }

    private static Place filePlace(String file, Path directory, @Nullable TomlPosition position) {
        return new Place(0, file, position == null ? 1 : position.line(), directory);
    }

    private static String unreadable(IOException e) {
        return switch (e) {
            case NoSuchFileException _ -> "no such file";
            case CharacterCodingException _ -> "a file that is not UTF-8";
            default -> "a file that can't be read (" + e + ")";
        };
    }
}
