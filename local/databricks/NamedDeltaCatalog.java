import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.delta.catalog.DeltaCatalog;
import org.apache.spark.sql.execution.datasources.v2.V2SessionCatalog;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * A Delta catalog under any name, over the tables of the session catalog.
 *
 * DeltaCatalog itself can only stand in for spark_catalog: it expects Spark to hand it a delegate.
 */
public class NamedDeltaCatalog extends DeltaCatalog {
    private String name;

    @Override
    public void initialize(String name, CaseInsensitiveStringMap options) {
        this.name = name;
        setDelegateCatalog(new V2SessionCatalog(SparkSession.active().sessionState().catalog()));
        super.initialize(name, options);
    }

    @Override
    public String name() {
        return name;
    }
}
