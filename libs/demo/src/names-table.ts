// table: names of several cultures, to have accents, apostrophes, double names and name orders in the data. Our own choice
// of common names; any likeness to a living person is chance.

export interface Culture {
  /** BCP 47 tag of the preferred language. */
  language: readonly [code: string, display: string]
  female: readonly string[]
  male: readonly string[]
  family: readonly string[]
  /** The family name is written first. */
  familyFirst?: true
  /** Two family names. */
  doubleFamily?: true
}

export const CULTURES: readonly Culture[] = [
  {
    language: ['en', 'English'],
    female: ['Alice', 'Grace', 'Hannah', 'Eleanor', 'Ruth', 'Beatrice', 'Margaret', 'Daisy', 'Imogen', 'Josephine'],
    male: ['Arthur', 'Henry', 'Thomas', 'Edmund', 'George', 'Oliver', 'Samuel', 'Walter', 'Hugh', 'Desmond'],
    family: [
      'Ashdown',
      'Birchwood',
      "O'Hanlon",
      'Fenwright',
      'Marlowe-Pike',
      'Thornbury',
      'MacAllan',
      'Whitlock',
      'Harrowgate',
      'Penhale',
    ],
  },
  {
    language: ['es', 'Spanish'],
    female: ['María José', 'Lucía', 'Ximena', 'Begoña', 'Inés', 'Guadalupe', 'Noemí', 'Pilar', 'Araceli', 'Concepción'],
    male: ['José Luis', 'Andrés', 'Íñigo', 'Ramón', 'Jesús', 'Joaquín', 'Ángel', 'Matías', 'Óscar', 'Fermín'],
    family: [
      'Núñez',
      'Ibáñez',
      'Peñalosa',
      'Gutiérrez',
      'Villaseñor',
      'Echeverría',
      'Zamora',
      'Cordero',
      'Quiñones',
      'Luján',
    ],
    doubleFamily: true,
  },
  {
    language: ['de', 'German'],
    female: ['Käthe', 'Jürgine', 'Annelies', 'Sabine', 'Ute', 'Friederike', 'Gretel', 'Heike', 'Lieselotte', 'Marlene'],
    male: ['Jürgen', 'Götz', 'Matthias', 'Heinrich', 'Uwe', 'Lorenz', 'Björn', 'Konrad', 'Dieter', 'Rüdiger'],
    family: [
      'Größmann',
      'Müllerskamp',
      'von der Heide',
      'Strauß',
      'Lindenbäcker',
      'Kühnhold',
      'Waßmer',
      'Oberndörfer',
      'Zeisig',
      'Brandauer',
    ],
  },
  {
    language: ['yo', 'Yoruba'],
    female: ['Adésuwà', 'Folákẹ́', 'Ìyábọ̀', 'Títílayọ̀', 'Abọ́sẹ̀dé', 'Morẹ́nikẹ́', 'Yétúndé', 'Bísí'],
    male: ['Babátúndé', 'Olúwaṣeun', 'Adébáyọ̀', 'Káyọ̀dé', 'Ṣẹ́gun', 'Táíwò', 'Fẹ́mi', 'Akin'],
    family: ['Adéyẹmí', 'Ọlátúnjí', 'Afọlábí', 'Oyèdélé', 'Akínwándé', 'Ògúnléye', 'Bánkọ́lé', 'Ṣóyínká-Àjàyí'],
  },
  {
    language: ['zh', 'Chinese'],
    female: ['Meiling', 'Xiuying', 'Yuhan', 'Lanfen', 'Qiaolian', 'Shuang', 'Huilan', 'Ruolin'],
    male: ['Wenbo', 'Jianhong', 'Zhiyuan', 'Haoran', 'Guoliang', 'Mingzhe', 'Deshun', 'Yichen'],
    family: ['Lü', 'Ouyang', 'Zhuge', 'Shangguan', 'Xu', 'Qiu', 'Huangfu', 'Situ'],
    familyFirst: true,
  },
  {
    language: ['hi', 'Hindi'],
    female: ['Ananya', 'Kavita', 'Meenakshi', 'Priyanka', 'Sunita', 'Lakshmi', 'Rukmini', 'Tara'],
    male: ['Arjun', 'Devendra', 'Harish', 'Mohanlal', 'Rajesh', 'Siddharth', 'Vikram', 'Yash'],
    family: ['Bhattacharya', 'Chaudhary', 'Deshpande', 'Iyengar', 'Kulkarni', 'Nambiar', 'Raghunathan', 'Tripathi'],
  },
  {
    language: ['ar', 'Arabic'],
    female: ['Amal', 'Farīda', 'Khadīja', 'Layla', 'Maryam', 'Nūr', 'Samīra', 'Zaynab'],
    male: ['ʿAbd al-Karīm', 'Bilāl', 'Hassan', 'Ibrāhīm', 'Jamāl', 'Khālid', 'Mahmūd', 'Yūsuf'],
    family: ['al-Baghdādī', 'Bin Rashid', 'el-Masry', 'Haddād', 'Khoury', 'al-Sabbagh', 'Qāsim', 'Tawfīq'],
  },
  {
    language: ['pl', 'Polish'],
    female: ['Agnieszka', 'Bożena', 'Elżbieta', 'Grażyna', 'Kinga', 'Małgorzata', 'Stanisława', 'Zofia'],
    male: ['Bolesław', 'Grzegorz', 'Jędrzej', 'Kazimierz', 'Łukasz', 'Mieczysław', 'Przemysław', 'Zbigniew'],
    family: ['Brzęczyk', 'Dąbek', 'Gołąb', 'Jaźwiec', 'Krzyżak', 'Łęcki', 'Szczygieł', 'Źrebiec'],
  },
  {
    language: ['vi', 'Vietnamese'],
    female: ['Thị Hồng', 'Bích Ngọc', 'Thu Hương', 'Mỹ Dung', 'Thanh Trúc', 'Kim Yến', 'Diễm', 'Phượng'],
    male: ['Văn Đức', 'Quốc Bảo', 'Hữu Phước', 'Minh Tuấn', 'Thành Đạt', 'Công Vinh', 'Đình', 'Trọng'],
    family: ['Nguyễn', 'Trần', 'Đặng', 'Phạm', 'Huỳnh', 'Bùi', 'Đỗ', 'Lý'],
    familyFirst: true,
  },
]
