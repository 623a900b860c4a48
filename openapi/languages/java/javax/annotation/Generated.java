package javax.annotation;

/** What generated sources are marked with; it is not in the JDK any more. */
public @interface Generated {
  String[] value();

  String date() default "";

  String comments() default "";
}
