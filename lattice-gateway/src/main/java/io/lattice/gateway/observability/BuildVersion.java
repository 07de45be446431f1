package io.lattice.gateway.observability;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/// The version that the build wrote down.
public final class BuildVersion {
    private static final String RESOURCE = "/io/lattice/gateway/cli/build.properties";

    private BuildVersion() {}

    /// Of Lattice, such as `0.1.0`.
    public static String lattice() {
        try (InputStream in = BuildVersion.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException("the build left out " + RESOURCE);
            }
            Properties build = new Properties();
            build.load(in);
            return build.getProperty("version", "");
        } catch (IOException e) {
            throw new UncheckedIOException("the version can't be read", e);
        }
    }
}
