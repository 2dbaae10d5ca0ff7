/** Median height in cm by age, rounded from the CDC growth charts (https://www.cdc.gov/growthcharts/, 2000). */
const HEIGHT_CM = {
  ages: [0, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18],
  female: [49, 65, 74, 86, 94, 101, 108, 115, 127.5, 138, 151, 160.5, 162.5, 163.3],
  male: [50, 67, 76, 87.5, 95, 102.5, 109, 115.5, 128, 138.5, 149, 163.5, 173.5, 176.5],
}
/** Median body mass index by age, same source. */
const BMI = {
  ages: [0, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18],
  both: [13.3, 17, 17, 16.5, 16, 15.7, 15.4, 15.4, 15.8, 16.6, 17.8, 19.1, 20.5, 21.7],
}

/** Median height in cm; after 18 years the adult's, less what the spine loses after 50. */
export function medianHeightCm(sex: 'female' | 'male', ageYears: number): number {
  return interpolate(HEIGHT_CM.ages, HEIGHT_CM[sex], ageYears) - Math.max(0, ageYears - 50) * 0.06
}

/** Median body mass index of a child; of an adult at 18. */
export function medianBmi(ageYears: number): number {
  return interpolate(BMI.ages, BMI.both, ageYears)
}

function interpolate(ages: readonly number[], values: readonly number[], age: number): number {
  const right = ages.findIndex((at) => at >= age)
  if (right === 0) return values[0] as number
  if (right < 0) return values.at(-1) as number
  const [fromAge, toAge] = [ages[right - 1] as number, ages[right] as number]
  const [from, to] = [values[right - 1] as number, values[right] as number]
  return from + ((to - from) * (age - fromAge)) / (toAge - fromAge)
}
